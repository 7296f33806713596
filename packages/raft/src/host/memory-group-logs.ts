/** Logs that live in memory and are gone with the process: for tests, and for groups that may forget. */

import { MemoryStorage } from "../core/memory-storage.js";
import type { LogStorage } from "../core/storage.js";
import type { GroupUpdate } from "../wal/group-update.js";
import { isEmpty } from "./group/founding.js";
import type { GroupLogs } from "./ports.js";

/**
 * A member that comes back with an empty log has forgotten its vote. Add it to the group with a new
 * node id, or stop the whole group.
 */
export class MemoryGroupLogs implements GroupLogs {
  readonly maxBatchBytes = Number.MAX_SAFE_INTEGER;
  readonly #groups = new Map<number, MemoryStorage>();

  groupIds(): readonly number[] {
    const written = [...this.#groups].filter(([, storage]) => !isEmpty(storage));
    return written.map(([group]) => group).sort((a, b) => a - b);
  }

  storage(group: number): LogStorage {
    return this.#groups.get(group) ?? this.#create(group);
  }

  append(updates: readonly GroupUpdate[]): Promise<void> {
    for (const update of updates) this.#write(update);
    return Promise.resolve();
  }

  #create(group: number): MemoryStorage {
    const storage = new MemoryStorage();
    this.#groups.set(group, storage);
    return storage;
  }

  #write(update: GroupUpdate): void {
    const { group } = update;
    if ("remove" in update) {
      this.#groups.delete(group);
      return;
    }
    const storage = this.#groups.get(group) ?? this.#create(group);
    const { hardState, installSnapshot, entries, config, saveSnapshot, compactTo } = update;
    if (hardState !== undefined) storage.setHardState(hardState);
    if (installSnapshot !== undefined) storage.applySnapshot(installSnapshot);
    if (entries !== undefined) storage.append(entries);
    if (config !== undefined) storage.setConfig(config);
    if (saveSnapshot !== undefined) storage.saveSnapshot(saveSnapshot);
    if (compactTo !== undefined) storage.compact(compactTo);
  }
}
