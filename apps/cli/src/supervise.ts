/** Runs a command for as long as a lock is held. */
import { constants } from "node:os";
import type { Lock } from "@titan/client";
import { EXIT, type ExitCode, toChildExitCode } from "./exit-codes.js";
import { LockFailure } from "./lock-failure.js";
import type { CliPorts, Environment, ProcessEnd } from "./ports.js";

/** Between SIGTERM and SIGKILL for a command that has lost its lock: somebody else may hold it. */
export const GRACE_MS = 5_000;

export interface SupervisedCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** On top of our own environment. */
  readonly env: Environment;
}

/**
 * Passes signals on to the command, ends it when the lock is lost.
 * @returns what it ended with. @throws LockFailure `LOCK_LOST`, `NOT_STARTED`
 */
export async function superviseCommand(
  { command, args, env }: SupervisedCommand,
  lock: Pick<Lock, "signal">,
  ports: Pick<CliPorts, "clock" | "runProcess" | "onSignal">,
): Promise<ExitCode> {
  const running = ports.runProcess(command, args, env);
  let cancelKill = (): void => {};
  let isLost = false;
  const lose = (): void => {
    isLost = true;
    running.kill("SIGTERM");
    cancelKill = ports.clock.schedule(GRACE_MS, () => running.kill("SIGKILL"));
  };
  lock.signal.addEventListener("abort", lose, { once: true });
  const stopPassing = ports.onSignal((signal) => running.kill(signal));
  try {
    if (lock.signal.aborted) lose();
    const end = await running.ended;
    if (isLost) throw lost(lock.signal.reason);
    return exitCodeOfEnd(end);
  } finally {
    stopPassing();
    cancelKill();
    lock.signal.removeEventListener("abort", lose);
  }
}

function lost(reason: unknown): LockFailure {
  return new LockFailure({
    code: "LOCK_LOST",
    message: `${reason instanceof Error ? reason.message : "the lock is lost"}; the command was ended`,
    advice:
      "Somebody else may have held it before the command had ended. With a longer --ttl a lock outlives longer " +
      "failures; what must never happen twice at once is to be fenced by TITAN_LOCK_TOKEN.",
    outcome: "unknown",
    exitCode: EXIT.lockLost,
  });
}

/** As shells have it: 128 and the signal's number for what a signal has ended. */
function exitCodeOfEnd(end: ProcessEnd): ExitCode {
  return toChildExitCode("signal" in end ? 128 + constants.signals[end.signal] : end.code);
}
