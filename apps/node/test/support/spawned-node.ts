/** titan-node as a process of its own. Needs the package to be built. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const BIN = join(import.meta.dirname, "..", "..", "bin", "titan-node.js");

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that was started; it may not serve yet, or never. */
export interface SpawnedNode {
  readonly child: ChildProcess;
  /** Resolves with the address once it serves; rejects with its output when it ends before. */
  readonly listening: Promise<string>;
  readonly ended: Promise<Ending>;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
}

/** The process's environment beside our own, and its user. */
export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** Starts titan-node. Ports of its own are chosen unless `args` say otherwise. */
export function spawnNode(args: readonly string[], options: SpawnOptions = {}): SpawnedNode {
  const hasAddress = args.some((arg) => arg.startsWith("--grpc-addr"));
  const hasRaftAddress = args.some((arg) => arg.startsWith("--raft-addr"));
  const chosen = [
    ...(hasAddress ? [] : ["--grpc-addr", "127.0.0.1:0"]),
    ...(hasRaftAddress ? [] : ["--raft-addr", "127.0.0.1:0"]),
  ];
  const child = fork(BIN, [...args, ...chosen], {
    env: { ...process.env, ...options.env },
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    stderr += String(chunk);
  });
  const exited = new Promise<Ending>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  // Node's "close" event would say both, but never comes after a disconnect of ours.
  const drained = [child.stdout, child.stderr].map((stream) => stream && once(stream, "close"));
  const ended = Promise.all([exited, ...drained]).then(([ending]) => ending);
  const listening = new Promise<string>((resolve, reject) => {
    child.on("message", (message: { type?: unknown; address?: unknown }) => {
      if (message.type === "listening") resolve(String(message.address));
    });
    ended.then(
      ({ code, signal }) => reject(new Error(`ended: ${code ?? signal}\n${stdout}${stderr}`)),
      reject,
    );
  });
  // Who only waits for the end must not be told about this as an unhandled rejection.
  listening.catch(() => undefined);
  return { child, listening, ended, output: () => ({ stdout, stderr }) };
}

/** Runs `body` with a process that is killed afterwards if it still runs. */
export async function withSpawnedNode<T>(
  args: readonly string[],
  body: (node: SpawnedNode) => Promise<T>,
  options: SpawnOptions = {},
): Promise<T> {
  const node = spawnNode(args, options);
  try {
    return await body(node);
  } finally {
    node.child.kill("SIGKILL");
    await node.ended.catch(() => undefined);
  }
}
