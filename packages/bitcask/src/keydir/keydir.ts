/**
 * The keydir: which record is the newest of each key, off the JavaScript heap, in key order.
 *
 * ```
 * key ──hash──▶ HashIndex ──record number──▶ RecordTable   location, key (long ends: SuffixArena)
 *               KeyOrder  ──record numbers─▶               leaves of 8192, sorted when scanned
 *               VersionHistory ────────────▶               old versions that snapshots see
 * ```
 * Everything is synchronous and nothing does I/O. Point reads are one hash lookup and allocate
 * nothing. No call does work in proportion to the number of keys, but for `load`.
 *
 * Keys are bytes, strings their UTF-8 form. The caller's buffers are never kept.
 * Sequence numbers are the store's write order, from 1. While snapshots are open every write's number
 * must be above all that the newest of them has seen; without any, numbers may come in any order
 * (`set` always wins; it is `load` that compares).
 */
import type { Random } from "../ports.js";
import type { HashSeed } from "./half-siphash.js";
import { HashIndex } from "./hash-index.js";
import { type CursorOptions, KeyCursor } from "./key-cursor.js";
import { KeyOrder } from "./key-order.js";
import { type KeyInput, KeyProbe } from "./key-probe.js";
import { toKeyRange } from "./key-range.js";
import { snapshotGone, unordered } from "./keydir-errors.js";
import { KeydirLoader } from "./keydir-loader.js";
import { type KeydirOptions, resolveKeydirOptions } from "./keydir-options.js";
import type { KeydirStats } from "./keydir-stats.js";
import { checkLocation, checkPlace, type Location, type RecordPlace } from "./location.js";
import { LookAhead } from "./look-ahead.js";
import { MemoryBudget } from "./memory-budget.js";
import { HAS_HISTORY, RecordTable, TOMBSTONE } from "./record-table.js";
import { type KeydirSnapshot, SnapshotRegistry } from "./snapshot-registry.js";
import type { TableReader, TableWriter } from "./table-image.js";
import { VersionHistory } from "./version-history.js";

/** What a write replaced: `"none"` for a key that was not there. */
export type Displaced = "none" | "location";

/** With room to grow; the key's own bytes come on top. */
const BYTES_PER_KEY = 64;
/** Old versions freed per write; keeps up with one kept per write. */
const TRIM_PER_WRITE = 4;
const TRIM_BEFORE_SAVE = 65_536;

export class Keydir {
  private readonly budget: MemoryBudget;
  private readonly records: RecordTable;
  private readonly hash: HashIndex;
  private readonly order: KeyOrder | undefined;
  private readonly snapshots: SnapshotRegistry;
  private readonly history: VersionHistory;
  private readonly probe: KeyProbe;
  /** For keys that the keydir itself looks up while a caller's key is in `probe`. */
  private readonly ownProbe: KeyProbe;
  /** To be used before the lookups of many keys. */
  readonly ahead: LookAhead;
  private highest = 0;
  /** Deleted keys that stay in the hash for a snapshot. */
  private tombstones = 0;
  private loader: KeydirLoader | undefined;
  private seed: HashSeed;

  /**
   * @param deps.random seeds the hash, so that no one outside can choose colliding keys
   * @throws RangeError on an option out of range
   */
  constructor(deps: { readonly random: Random }, options: KeydirOptions = {}) {
    const resolved = resolveKeydirOptions(options);
    this.seed = {
      k0: deps.random.nextInt(2 ** 32) | 0,
      k1: deps.random.nextInt(2 ** 32) | 0,
    };
    this.probe = new KeyProbe(this.seed);
    this.ownProbe = new KeyProbe(this.seed);
    this.budget = new MemoryBudget(resolved.maxBytes);
    this.records = new RecordTable(this.budget);
    this.hash = new HashIndex(this.records, this.budget);
    this.order = resolved.ordered ? new KeyOrder(this.records, this.budget) : undefined;
    this.ahead = new LookAhead({ records: this.records, hash: this.hash, probe: this.probe });
    this.snapshots = new SnapshotRegistry(resolved.maxSnapshots);
    this.history = new VersionHistory({
      records: this.records,
      snapshots: this.snapshots,
      budget: this.budget,
      maxVersions: resolved.maxVersions,
      forget: (id) => {
        this.tombstones--;
        this.takeOut(id);
      },
    });
  }

  /** Number of live keys. */
  get size(): number {
    return this.hash.size - this.tombstones;
  }

  /** Of any write so far; 0 before the first. */
  get highestSequence(): number {
    return this.highest;
  }

  /**
   * Looks a key up, as of now or of a snapshot.
   * @param out receives the location; untouched when the key is not there
   * @returns whether the key is there
   * @throws BitcaskError `BITCASK_SNAPSHOT_GONE`
   */
  get(key: KeyInput, out: Location, snapshot?: KeydirSnapshot): boolean {
    this.probe.load(key);
    if (snapshot !== undefined && !snapshot.isOpen) throw snapshotGone();
    let id = this.hash.find(this.probe);
    if (id === 0) return false;
    if (snapshot !== undefined) {
      id = this.history.visibleAt(id, snapshot.sequence);
      if (id === 0) return false;
    } else if (this.records.hasState(id, TOMBSTONE)) {
      return false;
    }
    this.records.readLocation(id, out);
    return true;
  }

  /**
   * Whether there is room for so many fresh keys. To be asked before they are written to disk: `set`
   * takes what it is given, and a growing hash table may pass the limit by a sixth for a moment.
   * @param keyBytes of all of them together
   */
  hasRoomFor(keys: number, keyBytes: number): boolean {
    return (
      this.budget.allows(keys * BYTES_PER_KEY + keyBytes) &&
      this.hash.canHold(keys) &&
      this.records.canHold(keys, keyBytes)
    );
  }

  /** Whether a key is there now. */
  has(key: KeyInput): boolean {
    this.probe.load(key);
    const id = this.hash.find(this.probe);
    return id !== 0 && !this.records.hasState(id, TOMBSTONE);
  }

  /**
   * Makes `location` the newest of the key.
   * @param displaced receives the location that was the newest until now, if there was one
   * @throws RangeError on a field out of range, a key too long, or a sequence that a snapshot has seen
   */
  set(key: KeyInput, location: Location, displaced?: Location): Displaced {
    checkLocation(location);
    this.probe.load(key);
    this.checkSequence(location.sequence);
    this.trimSome();
    const id = this.hash.find(this.probe);
    if (id === 0) {
      this.insertFresh(location);
      this.highest = Math.max(this.highest, location.sequence);
      return "none";
    }
    const was: Displaced = this.records.hasState(id, TOMBSTONE) ? "none" : "location";
    this.keepIfSeen(id);
    if (was === "none") this.tombstones--;
    else if (displaced !== undefined) this.records.readLocation(id, displaced);
    this.records.writeLocation(id, location);
    this.highest = Math.max(this.highest, location.sequence);
    return was;
  }

  /**
   * Removes a key.
   * @param sequence of the deletion, under the same rule as for {@link Keydir.set}
   * @param displaced receives the location that was the newest until now, if there was one
   */
  delete(key: KeyInput, sequence: number, displaced?: Location): Displaced {
    this.probe.load(key);
    this.checkSequence(sequence);
    this.trimSome();
    const id = this.hash.find(this.probe);
    if (id === 0 || this.records.hasState(id, TOMBSTONE)) {
      this.highest = Math.max(this.highest, sequence);
      return "none";
    }
    if (displaced !== undefined) this.records.readLocation(id, displaced);
    this.highest = Math.max(this.highest, sequence);
    this.removeNewest(id, sequence);
    return "location";
  }

  /**
   * Takes out a key whose newest version lies at `place` although nobody has deleted it: it has expired,
   * and its record is about to go. Open snapshots go on seeing it; later ones may or may not.
   * @param displaced receives its location
   * @returns false when the newest version lies elsewhere; nothing is changed then
   */
  forget(key: KeyInput, place: RecordPlace, displaced: Location): boolean {
    this.probe.load(key);
    this.trimSome();
    const id = this.hash.find(this.probe);
    if (id === 0 || this.records.hasState(id, TOMBSTONE)) return false;
    if (!this.records.isAt(id, place.fileId, place.position)) return false;
    this.records.readLocation(id, displaced);
    // No write has this number, so that the next one may: snapshots are judged by it, nothing else.
    this.removeNewest(id, Math.max(this.snapshots.newest + 1, displaced.sequence));
    return true;
  }

  /**
   * Tells the keydir that a merge has copied a record: if `from` is where the key's newest version or
   * one kept for a snapshot lies, it lies at `to` from now on. Sequence, expiry, size and flags stay.
   * @returns false when no version lies at `from`: the copy is dead
   * @throws RangeError when `to` is out of range
   */
  relocate(key: KeyInput, from: RecordPlace, to: RecordPlace & { readonly size: number }): boolean {
    checkPlace(to.fileId, to.position);
    this.probe.load(key);
    const head = this.hash.find(this.probe);
    if (head === 0) return false;
    const id = this.history.versionAt(head, from.fileId, from.position);
    if (id === 0) return false;
    this.records.moveTo(id, to.fileId, to.position, to.size);
    return true;
  }

  /**
   * Opens a view of everything up to the last `set` or `delete`. A key overwritten or deleted while
   * it is open keeps its old version, about 50 bytes. @throws BitcaskError `BITCASK_TOO_MANY_SNAPSHOTS`
   */
  snapshot(): KeydirSnapshot {
    this.refuseWhileLoading();
    return this.snapshots.open(this.highest);
  }

  /** @throws BitcaskError `BITCASK_UNORDERED` when cursors would be refused */
  assertOrdered(): void {
    if (this.order === undefined) throw unordered();
  }

  /**
   * Walks the keys of a range in order, over a snapshot given or its own; see {@link KeyCursor}.
   * @throws BitcaskError `BITCASK_UNORDERED`, `BITCASK_SNAPSHOT_GONE`, `BITCASK_TOO_MANY_SNAPSHOTS`
   */
  cursor(options: CursorOptions = {}): KeyCursor {
    if (this.order === undefined) throw unordered();
    this.refuseWhileLoading();
    this.order.settle();
    const snapshot = options.snapshot ?? this.snapshot();
    const owned = snapshot !== options.snapshot;
    if (!snapshot.isOpen) throw snapshotGone();
    const { records, order, history, probe } = this;
    try {
      const tables = { records, order, history, probe };
      return new KeyCursor(tables, { snapshot, owned }, toKeyRange(options, this.probe), options);
    } catch (error) {
      if (owned) snapshot.release();
      throw error;
    }
  }

  /**
   * Begins to fill a fresh keydir, from records in any order. Until the loader's `finish` all else throws.
   * @param onDead called with the location of each record that lost against a newer one of its key,
   *   for the count of dead bytes; the object is reused
   * @throws BitcaskError `BITCASK_INDEX_FULL`
   */
  load(onDead?: (location: Location) => void): KeydirLoader {
    this.refuseWhileLoading();
    if (this.highest > 0) throw new RangeError("only a fresh keydir can be loaded");
    this.budget.isEnforced = true;
    const { records, hash, order, budget, probe } = this;
    const onFinish = (lastSequence: number, tombstones: readonly number[]): void => {
      this.loader = undefined;
      this.budget.isEnforced = false;
      this.highest = lastSequence;
      this.forgetLoadedTombstones(tombstones);
    };
    this.loader = new KeydirLoader({ records, hash, order, budget, probe }, { onDead, onFinish });
    return this.loader;
  }

  /** Puts the tables into an image. Gives up all snapshots; nothing may be written any more. */
  save(image: TableWriter): void {
    this.snapshots.giveUpAll();
    while (this.history.trim(TRIM_BEFORE_SAVE));
    const { k0, k1 } = this.seed;
    image.number(k0, k1, this.highest, this.order === undefined ? 0 : 1);
    this.records.save(image);
    this.hash.save(image);
    this.order?.save(image);
  }

  /**
   * Makes a fresh keydir the one that was saved, once the image's blocks have been filled.
   * @returns false when one of them has an order and the other has none
   * @throws BitcaskError `BITCASK_INDEX_FULL`; RangeError when the image makes no sense
   */
  restore(image: TableReader): boolean {
    this.seed = { k0: image.number(), k1: image.number() };
    this.probe.seed = this.seed;
    this.ownProbe.seed = this.seed;
    this.highest = image.number();
    if (image.number() !== (this.order === undefined ? 0 : 1)) return false;
    this.budget.isEnforced = true;
    this.records.restore(image);
    this.hash.restore(image);
    this.order?.restore(image);
    this.budget.isEnforced = false;
    return true;
  }

  /**
   * Frees up to `limit` old versions that no snapshot sees any more; writes do it too, a few at a time.
   * @returns whether more are due
   */
  trim(limit: number): boolean {
    return this.history.trim(limit);
  }

  stats(): KeydirStats {
    return {
      keys: this.size,
      bytes: this.budget.bytes + (this.order?.boundBytes ?? 0),
      openSnapshots: this.snapshots.size,
      keptVersions: this.history.versionCount,
    };
  }

  private insertFresh(location: Location): void {
    const { probe, records } = this;
    this.hash.reserve(probe.hash);
    records.reserve(1, probe.length);
    // Everything that may refuse lies behind us.
    const id = records.allocate();
    records.writeKey(id, probe);
    records.writeLocation(id, location);
    this.hash.insert(probe.hash, id);
    this.order?.insert(id);
  }

  private removeNewest(id: number, sequence: number): void {
    this.keepIfSeen(id);
    if (!this.records.hasState(id, HAS_HISTORY)) {
      this.removeFound(id, this.probe);
      return;
    }
    this.records.writeTombstone(id, sequence);
    this.tombstones++;
  }

  private keepIfSeen(id: number): void {
    if (!this.history.mustKeep(id)) return;
    this.records.reserve(1, 0);
    this.history.keep(id);
  }

  /** Takes the record that `hash.find(probe)` just returned out of the tables. */
  private removeFound(id: number, probe: KeyProbe): void {
    this.hash.removeFound();
    if (this.order === undefined) {
      this.records.free(id, true);
      return;
    }
    this.order.retire(id, probe);
  }

  private takeOut(id: number): void {
    this.ownProbe.loadWords(this.records.keyWords(id));
    this.hash.find(this.ownProbe);
    this.removeFound(id, this.ownProbe);
  }

  /** A record may be listed twice, and a listed one may have been overwritten since. */
  private forgetLoadedTombstones(ids: readonly number[]): void {
    for (const id of ids) {
      if (!this.records.hasState(id, TOMBSTONE)) continue;
      this.records.clearState(id, TOMBSTONE);
      this.takeOut(id);
    }
  }

  /** Comes before any lookup of a write: it may take tombstones out of the tables. */
  private trimSome(): void {
    if (this.history.versionCount === 0) return;
    this.history.trim(TRIM_PER_WRITE);
    this.history.makeRoom();
  }

  private checkSequence(sequence: number): void {
    if (!(sequence > this.snapshots.newest) || !Number.isSafeInteger(sequence) || sequence < 0) {
      throw new RangeError(
        `sequence ${sequence} is not above ${this.snapshots.newest}, which a snapshot has seen`,
      );
    }
    if (this.loader !== undefined) this.refuseWhileLoading();
  }

  private refuseWhileLoading(): void {
    if (this.loader !== undefined) throw new RangeError("the keydir is being loaded");
  }
}
