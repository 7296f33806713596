/**
 * What `--sync` means for the log of all groups: `always` makes every batch durable before it is answered;
 * `interval` and `never` let the operating system have it, and answer at once. Raft rests on what a member has
 * acknowledged staying there: with those two, a power cut of several machines at once can lose writes that were
 * answered, and a power cut of one machine can, in the worst case, too. The crash of a process loses nothing.
 */
import type { GroupLogs } from "@titan/raft";
import type { Clock } from "@titan/raft/wal";

/** A log that can be made durable as a whole. */
export interface SyncableLog extends GroupLogs {
  sync(): Promise<void>;
}

export interface LogSync {
  readonly logs: GroupLogs;
  /** Ends the timer, and makes durable what is not. @throws what the log throws */
  close(): Promise<void>;
}

/**
 * @param onFailed told when a timed sync fails: the log is then poisoned, and the next append says so too
 */
export function withLogSync(
  log: SyncableLog,
  sync: { readonly mode: "always" | "interval" | "never"; readonly intervalMs: number },
  deps: { readonly clock: Clock; readonly onFailed: (error: unknown) => void },
): LogSync {
  if (sync.mode === "always") return { logs: log, close: () => Promise.resolve() };
  const timer = sync.mode === "interval" ? new SyncTimer(log, sync.intervalMs, deps) : undefined;
  const logs: GroupLogs = {
    get maxBatchBytes() {
      return log.maxBatchBytes;
    },
    groupIds: () => log.groupIds(),
    storage: (group) => log.storage(group),
    append: (updates, { sync }) => {
      if (sync) timer?.start();
      return log.append(updates, { sync: false });
    },
  };
  return {
    logs,
    close: async () => {
      timer?.stop();
      await log.sync();
    },
  };
}

/** Syncs a while after something was written, and not at all while nothing is. */
class SyncTimer {
  readonly #log: SyncableLog;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #onFailed: (error: unknown) => void;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(
    log: SyncableLog,
    intervalMs: number,
    deps: { readonly clock: Clock; readonly onFailed: (error: unknown) => void },
  ) {
    this.#log = log;
    this.#intervalMs = intervalMs;
    this.#clock = deps.clock;
    this.#onFailed = deps.onFailed;
  }

  start(): void {
    if (this.#cancel !== undefined || this.#isStopped) return;
    this.#cancel = this.#clock.schedule(this.#intervalMs, () => {
      this.#cancel = undefined;
      // The log runs one sync at a time; what is written meanwhile starts the timer again.
      this.#log.sync().catch((error: unknown) => {
        if (!this.#isStopped) this.#onFailed(error);
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
