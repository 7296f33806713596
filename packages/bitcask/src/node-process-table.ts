/**
 * Processes of this machine. On Linux a process is told from a later one of the same number by the
 * boot id, the namespace that its number is of (pid_namespaces(7)), and its start time (proc(5), field 22
 * of `stat`); elsewhere by number alone.
 *
 * Of a process in another namespace, as in another container, nothing can be looked up. But while it
 * holds a store it listens on a socket in the store's directory, and whoever shares the directory on the
 * same machine can see whether somebody answers: a socket is closed with its process, however that ends.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { hostname } from "node:os";
import type { ProcessIdentity, ProcessTable } from "./ports.js";

/** Longer paths cannot name a socket (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
/** The namespace that every other is inside of (`PROC_PID_INIT_INO` in Linux). */
const INITIAL_NAMESPACE = "pid:[4026531836]";

export class NodeProcessTable implements ProcessTable {
  self(): ProcessIdentity {
    return { pid: process.pid, host: hostname(), startToken: startTokenOf(process.pid) };
  }

  isAlive(holder: ProcessIdentity): "alive" | "dead" | "unknown" {
    if (holder.host !== hostname()) return "unknown";
    if (holder.startToken === "") return exists(holder.pid) ? "alive" : "dead";
    const [boot, namespace] = holder.startToken.split("/");
    const self = bootAndNamespace();
    if (self !== undefined && boot !== self.boot) return "dead";
    // Its number means another process here, or none, although it may well run.
    if (self !== undefined && namespace !== self.namespace) return "unknown";
    if (!exists(holder.pid)) return "dead";
    const current = startTokenOf(holder.pid);
    // A process that cannot be read may be the holder: respect it.
    return current === "" || current === holder.startToken ? "alive" : "dead";
  }

  async announce(path: string): Promise<() => void> {
    const isAlone = bootAndNamespace()?.namespace === INITIAL_NAMESPACE;
    if (isAlone || !canBeSocket(path)) return () => undefined;
    return listen(path);
  }

  async answers(holder: ProcessIdentity, path: string): Promise<"alive" | "dead" | "unknown"> {
    const [boot] = holder.startToken.split("/");
    // On another machine nobody listens here, whether the holder runs or not.
    const isHere = boot !== "" && boot === bootAndNamespace()?.boot;
    return isHere && canBeSocket(path) ? knock(path) : "unknown";
  }
}

function canBeSocket(path: string): boolean {
  return process.platform === "linux" && Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}

/** @returns a function that ends it; one that does nothing where there can be no socket */
function listen(path: string): Promise<() => void> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    // A directory without sockets: whoever asks is told that nothing is known.
    server.on("error", () => resolve(() => undefined));
    server.listen(path, () => {
      server.unref();
      resolve(() => server.close());
    });
  });
}

function knock(path: string): Promise<"alive" | "dead" | "unknown"> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve("alive");
    });
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      resolve(code === "ECONNREFUSED" ? "dead" : "unknown");
    });
  });
}

function exists(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, but belongs to someone else.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function bootAndNamespace(): { readonly boot: string; readonly namespace: string } | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return { boot, namespace: readlinkSync("/proc/self/ns/pid") };
  } catch {
    return undefined;
  }
}

function startTokenOf(pid: number): string {
  const where = bootAndNamespace();
  if (where === undefined) return "";
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Field 2, the command, is in parentheses and may hold spaces: count from the last one.
    const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return startTicks === undefined ? "" : `${where.boot}/${where.namespace}/${startTicks}`;
  } catch {
    return "";
  }
}
