/** Runs a server as a process of its own and waits until it listens. */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";

/** A server under test. */
export interface ServerProcess {
  readonly address: string;
  /** CPU time of all its threads so far, in µs, in steps of 10 ms; NaN where there is no /proc. */
  cpuMicros(): number;
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
    cpuMicros: () => cpuMicrosOf(child.pid),
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** User and system time are fields 14 and 15 of proc(5)'s stat, in ticks of 1/100 s. */
function cpuMicrosOf(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid ?? "-"}/stat`, "latin1");
    // The second field, the name, may hold blanks; it ends with the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return Number.NaN;
  }
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on("message", (message: { type?: unknown; address?: unknown }) => {
      if (message.type === "listening") resolve(String(message.address));
    });
  });
}
