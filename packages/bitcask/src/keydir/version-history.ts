/**
 * Old versions of keys, kept for the snapshots that can still see them.
 *
 * A snapshot is a sequence number: it sees, of each key, the newest version not above it. When a write
 * replaces a version that the newest open snapshot sees, the old one moves into a record of its own:
 *
 * ```
 * head record ──(column)──▶ newest kept version ──▶ older ──▶ … (link 0)
 * oldest kept version of all keys ──▶ next ──▶ …               (link 2: the order of being replaced)
 * ```
 * Versions are given up from the front of that queue, a few per write, as soon as the oldest open
 * snapshot does not see them. At most `maxVersions` are kept: beyond that the oldest snapshots are
 * given up, so that a forgotten one costs a bounded amount of memory.
 *
 * Invariants: sequences fall along a key's chain; a chain is not longer than there are distinct open
 * or recently closed snapshots; the front of the queue is the end of its key's chain.
 */
import type { MemoryBudget } from "./memory-budget.js";
import { CHUNK_BITS, HAS_HISTORY, type RecordTable, TOMBSTONE } from "./record-table.js";
import type { SnapshotRegistry } from "./snapshot-registry.js";
import { SparseColumn } from "./sparse-column.js";

const OLDER = 0;
const OWNER = 1;
const NEXT = 2;

export class VersionHistory {
  private readonly newestOf: SparseColumn;
  private readonly records: RecordTable;
  private readonly snapshots: SnapshotRegistry;
  private readonly maxVersions: number;
  private readonly forget: (id: number) => void;
  private front = 0;
  private back = 0;
  private kept = 0;

  /** @param forget called with a tombstone's record once no snapshot needs it any more */
  constructor(init: {
    readonly records: RecordTable;
    readonly snapshots: SnapshotRegistry;
    readonly budget: MemoryBudget;
    readonly maxVersions: number;
    readonly forget: (id: number) => void;
  }) {
    this.newestOf = new SparseColumn(CHUNK_BITS, init.budget);
    this.records = init.records;
    this.snapshots = init.snapshots;
    this.maxVersions = init.maxVersions;
    this.forget = init.forget;
  }

  /** Old versions kept now. */
  get versionCount(): number {
    return this.kept;
  }

  /** Whether the current version of this record must be kept when it is replaced. */
  mustKeep(id: number): boolean {
    return this.snapshots.newest >= 0 && this.records.sequenceOf(id) <= this.snapshots.newest;
  }

  /**
   * Gives up old snapshots when the next version kept would be one too many. May take tombstones out
   * of the tables, so it comes before the lookup of the key that is to be kept.
   */
  makeRoom(): void {
    while (this.kept >= this.maxVersions && this.snapshots.giveUpOldest()) this.trim(64);
  }

  /** Keeps the record's current version. The record table has one record reserved. */
  keep(id: number): void {
    const records = this.records;
    const version = records.allocate();
    records.copyLocation(id, version);
    records.setLink(version, OLDER, records.hasState(id, HAS_HISTORY) ? this.newestOf.get(id) : 0);
    records.setLink(version, OWNER, id);
    records.setLink(version, NEXT, 0);
    records.setState(id, HAS_HISTORY);
    this.newestOf.set(id, version);
    if (this.back === 0) this.front = version;
    else records.setLink(this.back, NEXT, version);
    this.back = version;
    this.kept++;
  }

  /** @returns the record of the version that `sequence` sees, 0 for none or a deletion */
  visibleAt(id: number, sequence: number): number {
    const records = this.records;
    let version = id;
    if (records.sequenceOf(id) > sequence) {
      if (!records.hasState(id, HAS_HISTORY)) return 0;
      version = this.newestOf.get(id);
      while (version !== 0 && records.sequenceOf(version) > sequence) {
        version = records.link(version, OLDER);
      }
      if (version === 0) return 0;
    }
    return records.hasState(version, TOMBSTONE) ? 0 : version;
  }

  /** @returns the kept version or head of this key that lies there, 0 for none */
  versionAt(id: number, fileId: number, position: number): number {
    const records = this.records;
    let version = id;
    let next = records.hasState(id, HAS_HISTORY) ? this.newestOf.get(id) : 0;
    for (;;) {
      const found = records.isAt(version, fileId, position);
      if (found && !records.hasState(version, TOMBSTONE)) return version;
      if (next === 0) return 0;
      version = next;
      next = records.link(version, OLDER);
    }
  }

  /** Frees up to `limit` versions that no snapshot sees. @returns whether more are due */
  trim(limit: number): boolean {
    const oldest = this.snapshots.oldest;
    for (let done = 0; done < limit; done++) {
      if (this.front === 0) return false;
      if (!this.dropFront(oldest)) return false;
    }
    return this.front !== 0;
  }

  private dropFront(oldestSnapshot: number): boolean {
    const records = this.records;
    const version = this.front;
    const owner = records.link(version, OWNER);
    let replacedBy = owner;
    let at = this.newestOf.get(owner);
    while (at !== version) {
      replacedBy = at;
      at = records.link(at, OLDER);
    }
    if (oldestSnapshot >= 0 && records.sequenceOf(replacedBy) > oldestSnapshot) return false;
    this.front = records.link(version, NEXT);
    if (this.front === 0) this.back = 0;
    this.kept--;
    records.free(version, false);
    if (replacedBy !== owner) {
      records.setLink(replacedBy, OLDER, 0);
    } else {
      this.newestOf.set(owner, 0);
      records.clearState(owner, HAS_HISTORY);
      if (records.hasState(owner, TOMBSTONE)) this.forget(owner);
    }
    if (this.kept === 0) this.newestOf.clear();
    return true;
  }
}
