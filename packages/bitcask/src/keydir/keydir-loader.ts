import type { HashIndex } from "./hash-index.js";
import type { KeyOrder } from "./key-order.js";
import { type KeyProbe, KeySlice } from "./key-probe.js";
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

/** Entries taken in before any of them is worked on: their slots fit the first-level cache. */
const BATCH = 256;
const FIELDS = 6;
/** Of the hash table per key, at most, when it is made for a number of keys. */
const SLOT_BYTES = 32;

/**
 * Fills an empty keydir from the records of all files, in any order of files: of each key the highest
 * sequence wins, and of equal ones the record added last.
 *
 * Keys that come in ascending order (a hint file sorted by key) are put into order by a few binary
 * searches for the whole run; only what comes unordered is searched for key by key.
 *
 * Entries are worked on in batches, because the cache misses of a batch overlap. After a
 * `BITCASK_INDEX_FULL` it is unknown which of them went in: the keydir is to be thrown away.
 */
export class KeydirLoader {
  private readonly tables: Tables;
  private readonly callbacks: LoadCallbacks;
  private readonly tombstones: number[] = [];
  /** First record number of each ascending run; the records of a run are consecutive. */
  private readonly runs: number[] = [];
  private lastId = 0;
  private lastSequence = 0;
  private isFinished = false;
  private readonly location = createLocation();
  private readonly loser = createLocation();
  private readonly slice = new KeySlice();
  private pending = 0;
  private readonly buffers: Uint8Array[] = [];
  private readonly starts = new Float64Array(BATCH);
  private readonly lengths = new Int32Array(BATCH);
  private readonly hashes = new Int32Array(BATCH);
  private readonly states = new Int32Array(BATCH);
  private readonly fields = new Float64Array(BATCH * FIELDS);

  /** Made by `Keydir.load`. */
  constructor(tables: Tables, callbacks: LoadCallbacks) {
    this.tables = tables;
    this.callbacks = callbacks;
  }

  /** Makes room at once for that many keys more, if there is so much; fewer or others may come. */
  expect(keys: number): void {
    const { hash, budget } = this.tables;
    if (!budget.allows((hash.size + keys) * SLOT_BYTES)) return;
    hash.reserveTotal(hash.size + keys);
  }

  /**
   * Adds a record. Its key's bytes must stay as they are until {@link flush} or {@link finish}.
   * @throws BitcaskError `BITCASK_INDEX_FULL`
   * @throws RangeError on a field out of range or a key too long
   */
  add(key: KeySlice, location: Location): void {
    this.take(key, location, 0);
  }

  /** As {@link KeydirLoader.add}, for a deletion; of the location only `sequence` counts. */
  addTombstone(key: KeySlice, location: Location): void {
    this.take(key, location, TOMBSTONE);
  }

  /** Works off what was added; key buffers may be reused after it. @throws BitcaskError `BITCASK_INDEX_FULL` */
  flush(): void {
    const { hash } = this.tables;
    const count = this.pending;
    this.pending = 0;
    hash.touch(this.hashes, count);
    for (let index = 0; index < count; index++) this.put(index);
  }

  /** Puts the keys into order and hands the keydir over for use. @throws BitcaskError `BITCASK_INDEX_FULL` */
  finish(): void {
    if (this.isFinished) return;
    this.flush();
    const { records, order, budget } = this.tables;
    if (order !== undefined) buildOrder({ records, order, budget }, this.runs, this.lastId);
    this.isFinished = true;
    this.buffers.length = 0;
    this.callbacks.onFinish(this.lastSequence, this.tombstones);
  }

  private take(key: KeySlice, location: Location, state: number): void {
    if (this.isFinished) throw new RangeError("the load has finished");
    checkLocation(location);
    const { probe } = this.tables;
    probe.loadSlice(key.bytes, key.start, key.length);
    const index = this.pending++;
    this.buffers[index] = key.bytes;
    this.starts[index] = key.start;
    this.lengths[index] = key.length;
    this.hashes[index] = probe.hash;
    this.states[index] = state;
    const { fields } = this;
    const at = index * FIELDS;
    fields[at] = location.fileId;
    fields[at + 1] = location.position;
    fields[at + 2] = location.size;
    fields[at + 3] = location.sequence;
    fields[at + 4] = location.expiresAt;
    fields[at + 5] = location.flags;
    if (this.pending === BATCH) this.flush();
  }

  private put(index: number): void {
    const { records, hash, probe } = this.tables;
    const { slice, location, fields } = this;
    slice.bytes = this.buffers[index] as Uint8Array;
    slice.start = this.starts[index] as number;
    slice.length = this.lengths[index] as number;
    probe.loadHashed(slice, this.hashes[index] as number);
    const at = index * FIELDS;
    location.fileId = fields[at] as number;
    location.position = fields[at + 1] as number;
    location.size = fields[at + 2] as number;
    location.sequence = fields[at + 3] as number;
    location.expiresAt = fields[at + 4] as number;
    location.flags = fields[at + 5] as number;
    const state = this.states[index] as number;
    if (location.sequence > this.lastSequence) this.lastSequence = location.sequence;
    let id = hash.find(probe);
    if (id === 0) id = this.addKey();
    else if (!this.wins(id, state)) return;
    records.writeLocation(id, location);
    if (state === 0) return;
    records.setState(id, state);
    this.tombstones.push(id);
  }

  private addKey(): number {
    const { records, hash, probe } = this.tables;
    hash.reserve(probe.hash);
    records.reserve(1, probe.length);
    const id = records.allocate();
    records.writeKey(id, probe);
    hash.insert(probe.hash, id);
    if (this.lastId === 0 || records.compareTo(this.lastId, probe) >= 0) this.runs.push(id);
    this.lastId = id;
    return id;
  }

  /** Whether the entry at hand is newer than what is known; tells the caller of the loser. */
  private wins(id: number, state: number): boolean {
    const { records } = this.tables;
    const { location, callbacks } = this;
    const wins = records.sequenceOf(id) <= location.sequence;
    if (callbacks.onDead === undefined) return wins;
    if (!wins) {
      if (state === 0) callbacks.onDead(location);
    } else if (!records.hasState(id, TOMBSTONE)) {
      records.readLocation(id, this.loser);
      callbacks.onDead(this.loser);
    }
    return wins;
  }
}

/** What the loader calls. */
interface LoadCallbacks {
  readonly onDead: ((location: Location) => void) | undefined;
  readonly onFinish: (lastSequence: number, tombstones: readonly number[]) => void;
}
