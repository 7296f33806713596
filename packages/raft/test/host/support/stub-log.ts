/** A log in memory whose writes wait until the test lets them through. */

import { MemoryStorage } from "../../../src/core/memory-storage.js";
import type { GroupLogs } from "../../../src/host/ports.js";
import { RaftWalError } from "../../../src/wal/errors.js";
import type { GroupUpdate } from "../../../src/wal/group-update.js";

interface Waiting {
  readonly updates: readonly GroupUpdate[];
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class StubLog implements GroupLogs {
  readonly #groups = new Map<number, MemoryStorage>();
  readonly waiting: Waiting[] = [];
  /** Every batch that was asked for. */
  readonly batches: (readonly GroupUpdate[])[] = [];
  /** Writes go through at once. */
  isOpen = true;
  /** Batches that hold an update of this group are refused whole. */
  refusedGroup = 0;

  groupIds(): readonly number[] {
    return [...this.#groups.keys()];
  }

  storage(group: number): MemoryStorage {
    let storage = this.#groups.get(group);
    if (storage === undefined) {
      storage = new MemoryStorage();
      this.#groups.set(group, storage);
    }
    return storage;
  }

  append(updates: readonly GroupUpdate[], options: { readonly sync: boolean }): Promise<void> {
    this.batches.push(updates);
    if (updates.some(({ group }) => group === this.refusedGroup)) {
      const message = `group ${this.refusedGroup} contradicts itself`;
      return Promise.reject(new RaftWalError({ code: "RAFT_WAL_INVALID_UPDATE", message }));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ updates, sync: options.sync, resolve, reject });
      if (this.isOpen) this.letThrough();
    });
  }

  /** Writes what waits. */
  letThrough(): void {
    for (const { updates, resolve } of this.waiting.splice(0)) {
      for (const update of updates) this.#write(update);
      resolve();
    }
  }

  /** What waits fails. */
  fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }

  #write(update: GroupUpdate): void {
    const storage = this.storage(update.group);
    if ("remove" in update) {
      this.#groups.delete(update.group);
      return;
    }
    if (update.hardState !== undefined) storage.setHardState(update.hardState);
    if (update.installSnapshot !== undefined) storage.applySnapshot(update.installSnapshot);
    storage.append(update.entries ?? []);
    if (update.saveSnapshot !== undefined) storage.saveSnapshot(update.saveSnapshot);
    if (update.compactTo !== undefined) storage.compact(update.compactTo);
  }
}
