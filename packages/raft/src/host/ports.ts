/** What a host asks of the outside world. The ports of the shared log serve it as they are. */

import { statfs } from "node:fs/promises";
import type { LogStorage } from "../core/storage.js";
import type { GroupUpdate } from "../wal/group-update.js";
import { nodePorts } from "../wal/node-ports.js";
import type { Clock, Random } from "../wal/ports.js";

/** Time, chance, and a place in the queue of the event loop. */
export interface HostPorts {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Calls `run` once, soon, after the caller and what is ready to run have finished. All that comes in
   * until then shares a turn.
   */
  defer(run: () => void): void;
}

/** The ports of a real machine. */
export function nodeHostPorts(): HostPorts {
  const { clock, random } = nodePorts();
  return { clock, random, defer: (run) => setImmediate(run) };
}

/** What `RaftHostDeps.freeBytes` is on a real machine. @param directory that of the log */
export function nodeFreeBytes(directory: string): () => Promise<number> {
  return async () => {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  };
}

/**
 * Where all groups of a host keep their logs. `RaftWal` is one on disk, `MemoryGroupLogs` one that
 * forgets.
 *
 * A batch that fails with outcome `"not-applied"` (see `RaftWalErrorCode`) has left no trace, and the
 * log still works; after any other failure it must be opened anew.
 */
export interface GroupLogs {
  /** Bytes of the largest batch. */
  readonly maxBatchBytes: number;
  /** Groups that the log holds anything of, be it that they were removed from the host; ascending. */
  groupIds(): readonly number[];
  /** The group's log, as of the last batch that was written. */
  storage(group: number): LogStorage;
  /**
   * Writes a batch, whole or not at all, after all earlier ones.
   * @param options `sync: false` when it need not be durable before it resolves
   */
  append(updates: readonly GroupUpdate[], options: { readonly sync: boolean }): Promise<unknown>;
}
