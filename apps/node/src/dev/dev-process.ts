/** A node of a local cluster as a process of its own, that ends when this one does. */
import { type ChildProcess, spawn } from "node:child_process";
import type { DevNode } from "./dev-plan.js";

export interface DevEnding {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Settings of single nodes must not come to all of them by the environment. */
const NOT_HANDED_ON =
  /^TITAN_(NODE_ID|PEERS|JOIN|BOOTSTRAP|DATA_DIR|GRPC_ADDR|RAFT_ADDR|ADVERTISE_\w+|CONFIG)$/;

export class DevProcess {
  /** Resolves when it serves; never if it ends before. */
  readonly serving: Promise<void>;
  readonly ended: Promise<DevEnding>;
  readonly #child: ChildProcess;
  #isEnded = false;

  /** @param bin the script titan-node */
  constructor(node: DevNode, bin: string, print: (chunk: string) => void) {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !NOT_HANDED_ON.test(name)),
    );
    // In a session of its own: a Ctrl-C of the terminal reaches it through us alone, and once. The IPC channel tells
    // it when we are gone, however that came.
    const child = spawn(process.execPath, [bin, ...node.args], {
      ...{ detached: true, env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", print);
    }
    this.serving = new Promise((resolve) => {
      child.on("message", (message: { readonly type?: unknown }) => {
        if (message.type === "listening") resolve();
      });
    });
    this.ended = new Promise((resolve) => {
      const end = (ending: DevEnding): void => {
        this.#isEnded = true;
        resolve(ending);
      };
      child.once("error", (error) => {
        print(`${error.message}\n`);
        end({ code: 1, signal: null });
      });
      // Not "exit": what it said last is still to be read then.
      child.once("close", (code, signal) => end({ code, signal }));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#isEnded) this.#child.kill(signal);
  }
}
