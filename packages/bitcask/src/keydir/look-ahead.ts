import type { HashIndex } from "./hash-index.js";
import type { KeyInput, KeyProbe } from "./key-probe.js";
import { touchRecords } from "./record-batch.js";
import type { RecordTable } from "./record-table.js";

/** Keys whose cache lines are fetched side by side: two lines each fit the first-level cache. */
export const LOOK_AHEAD_KEYS = 64;

/**
 * Fetches from memory what the lookups of some keys are about to need. A lookup alone waits for two or
 * three cache misses one after the other; those of different keys overlap.
 */
export class LookAhead {
  private readonly hashes = new Int32Array(LOOK_AHEAD_KEYS);
  private readonly guesses = new Int32Array(LOOK_AHEAD_KEYS);
  private readonly tables: {
    readonly records: RecordTable;
    readonly hash: HashIndex;
    readonly probe: KeyProbe;
  };

  constructor(tables: LookAhead["tables"]) {
    this.tables = tables;
  }

  /**
   * @param count of keys from `from` on, up to {@link LOOK_AHEAD_KEYS}
   * @returns the records that they probably have, 0 for none; valid until the next call
   */
  fetch(keys: readonly KeyInput[], from: number, count: number): Int32Array {
    const { records, hash, probe } = this.tables;
    for (let index = 0; index < count; index++) {
      probe.load(keys[from + index] as KeyInput);
      this.hashes[index] = probe.hash;
    }
    hash.guess(this.hashes, count, this.guesses);
    touchRecords(records, this.guesses, { from: 0, to: count });
    return this.guesses;
  }
}
