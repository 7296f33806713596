/** Runs a server as a process of its own and waits until it listens. */
import { type ChildProcess, fork } from "node:child_process";

/** A server under test. */
export interface ServerProcess {
  readonly address: string;
  /** Sends SIGTERM and waits for the end. @returns the exit code */
  stop(): Promise<number | null>;
}

/** Starts `script`, which tells its parent `{ type: "listening", address }` once it serves. */
export async function startServer(
  script: string,
  args: readonly string[],
  nodeFlags: readonly string[] = [],
): Promise<ServerProcess> {
  const child = fork(script, args, {
    execArgv: [...nodeFlags],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  const address = await Promise.race([
    listening(child),
    ended.then((code) => {
      throw new Error(`${script} ended with ${code} before it listened`);
    }),
  ]);
  return {
    address,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on("message", (message: { type?: unknown; address?: unknown }) => {
      if (message.type === "listening") resolve(String(message.address));
    });
  });
}
