/** Processes of the real system. */
import { spawn } from "node:child_process";
import { EXIT } from "./exit-codes.js";
import { LockFailure } from "./lock-failure.js";
import type { Environment, ProcessEnd, RunningProcess } from "./ports.js";

/** Runs `command` with our input, output and environment, and `env` on top of that. */
export function runProcess(
  command: string,
  args: readonly string[],
  env: Environment,
): RunningProcess {
  let signalTo = (_signal: NodeJS.Signals): void => {};
  const ended = new Promise<ProcessEnd>((resolve, reject) => {
    const fail = (error: unknown): void => reject(notStarted(command, error));
    try {
      const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...env } });
      signalTo = (signal) => void child.kill(signal);
      child.once("error", fail);
      // Not "close": who inherited the streams from the command may keep them for longer.
      child.once("exit", (code, signal) => {
        resolve(signal === null ? { code: code ?? 0 } : { signal });
      });
    } catch (error) {
      fail(error);
    }
  });
  return { ended, kill: (signal) => signalTo(signal) };
}

function notStarted(command: string, error: unknown): LockFailure {
  const isMissing = (error as { code?: unknown }).code === "ENOENT";
  const why = error instanceof Error ? error.message : String(error);
  return new LockFailure({
    code: "NOT_STARTED",
    message: isMissing ? `no command is called '${command}'` : `cannot run '${command}': ${why}`,
    advice: isMissing ? "A pipe or a list of commands takes a shell: sh -c 'a | b'." : undefined,
    outcome: "not-applied",
    exitCode: isMissing ? EXIT.commandNotFound : EXIT.commandNotRun,
  });
}
