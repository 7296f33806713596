import { BitcaskError } from "../errors.js";
import type { KeyOrder } from "./key-order.js";
import type { KeyProbe } from "./key-probe.js";
import { type KeyRange, type KeyRangeOptions, type RangeEnd, toKeyWords } from "./key-range.js";
import { compareKeyWords } from "./key-words.js";
import type { Leaf } from "./leaf.js";
import type { Location } from "./location.js";
import { type IdRange, touchRecords } from "./record-batch.js";
import { DEAD, type RecordTable } from "./record-table.js";
import type { KeydirSnapshot } from "./snapshot-registry.js";
import type { VersionHistory } from "./version-history.js";

/** What a cursor walks over. */
export interface CursorOptions extends KeyRangeOptions {
  /** From the last key of the range to the first. @default false */
  readonly reverse?: boolean;
  /** Most keys to return. @default Infinity */
  readonly limit?: number;
  /** Keys that will be asked for, as far as is known: no more are looked ahead at. @default Infinity */
  readonly expected?: number;
  /** Told which records it will come to next, so that their values can be fetched, too. */
  readonly onAhead?: ((ids: Int32Array, range: IdRange) => void) | undefined;
  /** The view to read; the cursor opens, and on `close` releases, one of its own without it. */
  readonly snapshot?: KeydirSnapshot;
}

/** Rows whose cache lines are fetched side by side. */
const ROWS_AHEAD = 32;

interface Tables {
  readonly records: RecordTable;
  readonly order: KeyOrder;
  readonly history: VersionHistory;
  /** Scratch for keys that callers pass. */
  readonly probe: KeyProbe;
}

/**
 * Walks the keys of a range as a snapshot saw them. Writes, merges and other cursors may go on
 * meanwhile; the cursor finds its place again when the tables have changed under it.
 *
 * A cursor that runs to its end closes itself; one that is left early must be closed.
 */
export class KeyCursor {
  private readonly tables: Tables;
  private readonly snapshot: KeydirSnapshot;
  private readonly ownsSnapshot: boolean;
  private readonly first: RangeEnd | undefined;
  private readonly last: RangeEnd | undefined;
  private readonly step: 1 | -1;
  private remaining: number;
  /** Where to begin when nothing has been returned since the cursor was made or sought. */
  private begin: RangeEnd | undefined;
  /** The record returned last, 0 for none. While the snapshot is open it cannot be freed. */
  private current = 0;
  private leaf: Leaf | undefined;
  private leafIndex = 0;
  private index = 0;
  private leafVersion = -1;
  private orderVersion = -1;
  /** Rows left of those that were looked ahead at. */
  private ahead = 0;
  private expected: number;
  private readonly onAhead: CursorOptions["onAhead"];
  private isDone = false;

  /** Made by `Keydir.cursor`. */
  constructor(
    tables: Tables,
    view: { readonly snapshot: KeydirSnapshot; readonly owned: boolean },
    range: KeyRange,
    options: CursorOptions,
  ) {
    const { reverse = false, limit = Number.POSITIVE_INFINITY } = options;
    if (!(limit >= 0)) throw new RangeError(`limit is a number from 0, not ${limit}`);
    this.tables = tables;
    this.snapshot = view.snapshot;
    this.ownsSnapshot = view.owned;
    this.step = reverse ? -1 : 1;
    this.first = reverse ? range.upper : range.lower;
    this.last = reverse ? range.lower : range.upper;
    this.begin = this.first;
    this.remaining = limit;
    this.expected = options.expected ?? limit;
    this.onAhead = options.onAhead;
  }

  /**
   * Goes to the next key.
   * @returns false when the range or the limit is used up, or the cursor is closed
   * @throws BitcaskError `BITCASK_SNAPSHOT_GONE`
   */
  next(): boolean {
    if (this.isDone) return false;
    this.checkSnapshot();
    if (this.remaining < 1) return this.finish();
    const { records, order, history } = this.tables;
    const sequence = this.snapshot.sequence;
    for (;;) {
      if (this.orderVersion !== order.version || this.leaf?.version !== this.leafVersion) {
        this.findPlace();
      }
      const leaf = this.leaf as Leaf;
      this.index += this.step;
      if (this.index < 0 || this.index >= leaf.sorted) {
        if (!this.enterLeaf(this.leafIndex + this.step)) return this.finish();
        continue;
      }
      if (--this.ahead < 0) this.lookAhead(leaf);
      const id = leaf.ids[this.index] as number;
      if (records.hasState(id, DEAD) || history.visibleAt(id, sequence) === 0) continue;
      if (this.last !== undefined && this.isBeyond(id, this.last)) return this.finish();
      this.current = id;
      this.remaining--;
      return true;
    }
  }

  /**
   * Makes the next call of {@link next} return the first key at or behind this one, in the cursor's
   * direction and within its range. The limit goes on counting. No effect once the cursor is closed.
   */
  seek(target: string | Uint8Array): void {
    const { first } = this;
    const key = toKeyWords(target, this.tables.probe);
    const order = first === undefined ? 1 : compareKeyWords(key, first.key) * this.step;
    this.begin = order > 0 ? { key, inclusive: true } : first;
    this.current = 0;
    this.leaf = undefined;
    this.orderVersion = -1;
  }

  /** Length in bytes of the key that {@link next} went to. @throws BitcaskError, RangeError */
  get keyLength(): number {
    return this.tables.records.keyLength(this.currentRecord());
  }

  /** Copies that key to `into`, from `at`. @returns its length @throws RangeError without room */
  readKey(into: Uint8Array, at = 0): number {
    if (at + this.keyLength > into.length) throw new RangeError("no room for the key");
    return this.tables.records.readKey(this.current, into, at);
  }

  /** That key, as bytes of its own. */
  key(): Uint8Array {
    const bytes = new Uint8Array(this.keyLength);
    this.tables.records.readKey(this.current, bytes, 0);
    return bytes;
  }

  /** Where that key's record lay when the snapshot was taken, or where a merge has put it since. */
  location(out: Location): void {
    const id = this.tables.history.visibleAt(this.currentRecord(), this.snapshot.sequence);
    this.tables.records.readLocation(id, out);
  }

  /** Ends the walk and releases the cursor's own snapshot. Idempotent. */
  close(): void {
    this.isDone = true;
    this.current = 0;
    this.leaf = undefined;
    if (this.ownsSnapshot) this.snapshot.release();
  }

  private finish(): false {
    this.close();
    return false;
  }

  private checkSnapshot(): void {
    if (this.snapshot.isOpen) return;
    throw new BitcaskError({
      code: "BITCASK_SNAPSHOT_GONE",
      message: "the snapshot was released or given up",
    });
  }

  /** Fetches the next rows of the leaf from memory, all at once. */
  private lookAhead({ ids, sorted }: Leaf): void {
    const count = Math.max(1, Math.min(ROWS_AHEAD, this.expected));
    this.expected -= count;
    const from = this.step > 0 ? this.index : Math.max(0, this.index - count + 1);
    const range = { from, to: this.step > 0 ? Math.min(sorted, from + count) : this.index + 1 };
    this.ahead = range.to - range.from - 1;
    touchRecords(this.tables.records, ids, range);
    this.onAhead?.(ids, range);
  }

  private currentRecord(): number {
    if (this.current === 0) throw new RangeError("the cursor is at no key");
    this.checkSnapshot();
    return this.current;
  }

  private findPlace(): void {
    const { records, order } = this.tables;
    const begin =
      this.current === 0 ? this.begin : { key: records.keyWords(this.current), inclusive: false };
    if (begin === undefined) {
      this.enterLeaf(this.step > 0 ? 0 : order.leafCount - 1);
      return;
    }
    this.enterLeaf(order.findLeaf(begin.key));
    const forward = this.step > 0;
    const leaf = this.leaf as Leaf;
    // One before the first to return, as `next` begins with a step.
    const at = order.position(leaf, begin.key, forward !== begin.inclusive);
    this.index = forward ? at - 1 : at;
  }

  /** @returns false when there is no such leaf */
  private enterLeaf(leafIndex: number): boolean {
    const { order } = this.tables;
    if (leafIndex < 0 || leafIndex >= order.leafCount) return false;
    this.leaf = order.sortedLeaf(leafIndex);
    this.leafIndex = leafIndex;
    this.leafVersion = this.leaf.version;
    this.orderVersion = order.version;
    this.ahead = 0;
    this.index = this.step > 0 ? -1 : this.leaf.sorted;
    return true;
  }

  private isBeyond(id: number, end: RangeEnd): boolean {
    const order = this.tables.records.compareTo(id, end.key) * this.step;
    return order > 0 || (order === 0 && !end.inclusive);
  }
}
