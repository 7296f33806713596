/** A log in memory whose writes wait until the test lets them through. */

import { MemoryGroupLogs } from "../../../src/host/memory-group-logs.js";
import { RaftWalError } from "../../../src/wal/errors.js";
import type { GroupUpdate } from "../../../src/wal/group-update.js";

interface Waiting {
  readonly updates: readonly GroupUpdate[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class StubLog extends MemoryGroupLogs {
  readonly waiting: Waiting[] = [];
  /** Every batch that was asked for. */
  readonly batches: (readonly GroupUpdate[])[] = [];
  /** Writes go through at once. */
  isOpen = true;
  /** Batches that hold an update of this group are refused whole. */
  refusedGroup = 0;

  override append(updates: readonly GroupUpdate[]): Promise<void> {
    this.batches.push(updates);
    if (updates.some(({ group }) => group === this.refusedGroup)) {
      const message = `group ${this.refusedGroup} contradicts itself`;
      return Promise.reject(new RaftWalError({ code: "RAFT_WAL_INVALID_UPDATE", message }));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ updates, resolve, reject });
      if (this.isOpen) this.letThrough();
    });
  }

  /** Writes what waits. */
  letThrough(): void {
    for (const { updates, resolve } of this.waiting.splice(0)) {
      void super.append(updates).then(resolve);
    }
  }

  /** What waits fails. */
  fail(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
