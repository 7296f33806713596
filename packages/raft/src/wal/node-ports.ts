/** The ports of a real machine. */

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { NodeFileSystem } from "./node-file-system.js";
import type { Clock, ProcessIdentity, ProcessTable, Random, WalPorts } from "./ports.js";

/** Disk, clock, dice and processes of this machine. */
export function nodePorts(): WalPorts {
  return {
    fileSystem: new NodeFileSystem(),
    clock: new SystemClock(),
    random: new SystemRandom(),
    processes: new NodeProcessTable(),
  };
}

class SystemClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  }
}

class SystemRandom implements Random {
  nextInt(bound: number): number {
    return randomInt(bound);
  }
}

/**
 * On Linux a process is told from a later one of its number by boot id and start time (proc(5), field
 * 22 of `stat`); elsewhere by number alone.
 */
class NodeProcessTable implements ProcessTable {
  self(): ProcessIdentity {
    return { pid: process.pid, host: hostname(), startToken: startTokenOf(process.pid) };
  }

  isAlive(holder: ProcessIdentity): "alive" | "dead" | "unknown" {
    if (holder.host !== hostname()) return "unknown";
    if (!isRunning(holder.pid)) return "dead";
    const current = startTokenOf(holder.pid);
    const isSame = holder.startToken === "" || current === "" || current === holder.startToken;
    return isSame ? "alive" : "dead";
  }
}

function isRunning(pid: number): boolean {
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
