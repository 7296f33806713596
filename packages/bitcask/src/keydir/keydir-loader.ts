import type { HashIndex } from "./hash-index.js";
import type { KeyOrder } from "./key-order.js";
import type { KeyProbe } from "./key-probe.js";
import { checkLocation, createLocation, type Location } from "./location.js";
import type { MemoryBudget } from "./memory-budget.js";
import { buildOrder } from "./order-build.js";
import { type RecordTable, TOMBSTONE } from "./record-table.js";

interface Tables {
  readonly records: RecordTable;
  readonly hash: HashIndex;
  readonly order: KeyOrder | undefined;
  readonly budget: MemoryBudget;
  readonly probe: KeyProbe;
}

/** What {@link KeydirLoader.add} made of a record. */
export type LoadOutcome =
  /** The key is new. */
  | "added"
  /** It replaced an older record, which is dead. */
  | "replaced"
  /** It is older than what is known of its key, and dead itself. */
  | "stale";

/**
 * Fills an empty keydir from the records of all files, in any order of files: of each key the highest
 * sequence wins, and of equal ones the record added last.
 *
 * Keys that come in ascending order (a hint file sorted by key) are put into order by a few binary
 * searches for the whole run; only what comes unordered is searched for key by key.
 */
export class KeydirLoader {
  private readonly tables: Tables;
  private readonly finished: (lastSequence: number, tombstones: readonly number[]) => void;
  private readonly tombstoneLocation = createLocation();
  private readonly tombstones: number[] = [];
  /** First record number of each ascending run; the records of a run are consecutive. */
  private readonly runs: number[] = [];
  private lastId = 0;
  private lastSequence = 0;
  private isFinished = false;

  /** Made by `Keydir.load`. */
  constructor(
    tables: Tables,
    finished: (lastSequence: number, tombstones: readonly number[]) => void,
  ) {
    this.tables = tables;
    this.finished = finished;
  }

  /**
   * Adds the record of the key `bytes[start, start + length)`.
   * @param displaced receives the location that lost, when the outcome is `"replaced"`
   * @throws KeydirError `KEYDIR_FULL`, with this record not added
   * @throws RangeError on a field out of range or a key too long
   */
  add(key: KeySlice, location: Location, displaced?: Location): LoadOutcome {
    checkLocation(location);
    return this.put(key, location, 0, displaced);
  }

  /** As {@link KeydirLoader.add}, for a deletion. `"added"` when it found nothing to delete yet. */
  addTombstone(key: KeySlice, sequence: number, displaced?: Location): LoadOutcome {
    this.tombstoneLocation.sequence = sequence;
    checkLocation(this.tombstoneLocation);
    return this.put(key, this.tombstoneLocation, TOMBSTONE, displaced);
  }

  /** Puts the keys into order and hands the keydir back for use. Must be called once. */
  finish(): void {
    if (this.isFinished) return;
    const { records, order, budget } = this.tables;
    if (order !== undefined) buildOrder({ records, order, budget }, this.runs, this.lastId);
    this.isFinished = true;
    this.finished(this.lastSequence, this.tombstones);
  }

  private put(
    key: KeySlice,
    location: Location,
    state: number,
    displaced: Location | undefined,
  ): LoadOutcome {
    if (this.isFinished) throw new RangeError("the load has finished");
    const { records, hash, probe } = this.tables;
    probe.loadSlice(key.bytes, key.start, key.length);
    let id = hash.find(probe);
    let outcome: LoadOutcome = "added";
    if (id === 0) {
      hash.reserve(probe.hash);
      records.reserve(1, probe.length);
      id = records.allocate();
      records.writeKey(id, probe);
      hash.insert(probe.hash, id);
      if (this.lastId === 0 || records.compareTo(this.lastId, probe) >= 0) this.runs.push(id);
      this.lastId = id;
    } else {
      if (records.sequenceOf(id) > location.sequence) return "stale";
      if (!records.hasState(id, TOMBSTONE)) {
        outcome = "replaced";
        if (displaced !== undefined) records.readLocation(id, displaced);
      }
    }
    records.writeLocation(id, location);
    if (state !== 0) {
      records.setState(id, state);
      this.tombstones.push(id);
    }
    if (location.sequence > this.lastSequence) this.lastSequence = location.sequence;
    return outcome;
  }
}

/** A key inside a larger buffer; reuse one object for many calls. */
export interface KeySlice {
  bytes: Uint8Array;
  start: number;
  length: number;
}
