/**
 * Processes of this machine. On Linux a process is told from a later one of the same number by the
 * boot id and its start time (proc(5), field 22 of `stat`); elsewhere by number alone.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { ProcessIdentity, ProcessTable } from "./ports.js";

export class NodeProcessTable implements ProcessTable {
  self(): ProcessIdentity {
    return { pid: process.pid, host: hostname(), startToken: startTokenOf(process.pid) };
  }

  isAlive(holder: ProcessIdentity): "alive" | "dead" | "unknown" {
    if (holder.host !== hostname()) return "unknown";
    if (!exists(holder.pid)) return "dead";
    if (holder.startToken === "") return "alive";
    const current = startTokenOf(holder.pid);
    // A process that cannot be read may be the holder: respect it.
    return current === "" || current === holder.startToken ? "alive" : "dead";
  }
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

function startTokenOf(pid: number): string {
  try {
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Field 2, the command, is in parentheses and may hold spaces: count from the last one.
    const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return startTicks === undefined ? "" : `${bootId}/${startTicks}`;
  } catch {
    return "";
  }
}
