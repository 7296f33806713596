/**
 * What the log holds of one group: its state in memory, its entries by place. Both the reading of a
 * log and its writing apply records here, by the same code.
 */

import { type ConfigState, EMPTY_CONFIG_STATE } from "../core/configuration.js";
import { type Entry, entryBytes } from "../core/entry.js";
import { RaftError } from "../core/errors.js";
import {
  INDEX_ZERO,
  type LogIndex,
  type LogPosition,
  shiftIndex,
  TERM_ZERO,
  type Term,
  toLogIndex,
} from "../core/ids.js";
import { INITIAL_HARD_STATE } from "../core/memory-storage.js";
import type { HardState, LogStorage, Snapshot } from "../core/storage.js";
import { CachedTail, type EntryCache } from "./entry-cache.js";
import { storedEntryBytes } from "./entry-codec.js";
import { EntryIndex } from "./entry-index.js";
import type { LiveBytes } from "./live-bytes.js";
import { RECORD_HEADER_BYTES, recordBytes, type WalRecord } from "./record.js";

/** The records of which only the newest counts. */
type StateKind = "hard-state" | "snapshot" | "compact" | "config";

/** Reads entries from their places; see `entry-reader.ts`. */
export interface EntrySource {
  read(log: GroupLog, from: number, to: number): readonly Entry[];
}

/** What all groups share. */
export interface GroupLogContext {
  readonly live: LiveBytes;
  readonly cache: EntryCache;
  readonly source: EntrySource;
  /** Told by how many bytes an index grew or shrank. */
  readonly onIndexBytes: (change: number) => void;
}

export class GroupLog implements LogStorage {
  readonly group: number;
  readonly #context: GroupLogContext;
  readonly index = new EntryIndex();
  readonly #tail = new CachedTail();
  readonly #places = new Map<StateKind, { readonly segment: number; readonly bytes: number }>();
  #hardState: HardState = INITIAL_HARD_STATE;
  #config: ConfigState = EMPTY_CONFIG_STATE;
  #snapshot: Snapshot | undefined;
  #compacted: LogPosition = { index: INDEX_ZERO, term: TERM_ZERO };

  constructor(group: number, context: GroupLogContext) {
    this.group = group;
    this.#context = context;
  }

  /** Whether the log holds anything of this group. */
  get exists(): boolean {
    return this.#places.size > 0 || this.index.count > 0;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get compacted(): LogPosition {
    return this.#compacted;
  }

  initialState(): { readonly hardState: HardState; readonly config: ConfigState } {
    return { hardState: this.#hardState, config: this.#config };
  }

  firstIndex(): LogIndex {
    return shiftIndex(this.#compacted.index, 1);
  }

  lastIndex(): LogIndex {
    return this.index.count === 0 ? this.#compacted.index : toLogIndex(this.index.end - 1);
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#compacted.index) return this.#compacted.term;
    return this.index.termAt(index) as Term | undefined;
  }

  /**
   * Blocks when the entries are no longer in the cache.
   * @throws RaftError `RAFT_LOG_COMPACTED`, `RAFT_LOG_UNAVAILABLE`; RaftWalError
   *   `RAFT_WAL_DAMAGED`, `RAFT_WAL_READ_FAILED`
   */
  entries(low: LogIndex, high: LogIndex, maxBytes: number): readonly Entry[] {
    if (low <= this.#compacted.index) {
      throw new RaftError({ code: "RAFT_LOG_COMPACTED", message: `entry ${low} is compacted` });
    }
    if (high > this.lastIndex() + 1) {
      throw new RaftError({ code: "RAFT_LOG_UNAVAILABLE", message: `no entry ${high - 1}` });
    }
    const found: Entry[] = [];
    let bytes = 0;
    let at: number = low;
    while (at < high) {
      const batch = this.#cachedOrRead(at, high, maxBytes - bytes);
      for (const entry of batch) {
        bytes += entryBytes(entry);
        if (found.length > 0 && bytes > maxBytes) return found;
        found.push(entry);
      }
      at += batch.length;
    }
    return found;
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Live state as records, for a copy: everything but the entries. */
  *stateRecordsIn(segment: number): Generator<WalRecord> {
    const { group } = this;
    for (const [kind, place] of this.#places) {
      if (place.segment !== segment) continue;
      if (kind === "hard-state") yield { kind, group, hardState: this.#hardState };
      else if (kind === "config") yield { kind, group, config: this.#config };
      else if (kind === "compact") yield { kind, group, position: this.#compacted };
      else if (this.#snapshot !== undefined) yield { kind, group, snapshot: this.#snapshot };
    }
  }

  /**
   * Takes in a record of this group.
   * @param offset of the record in `segment`
   * @param keepEntries whether the entries' data stay as they are, so that they may be cached
   * @returns what is wrong, in words, with a record that cannot follow what came before
   */
  apply(
    record: WalRecord,
    place: { readonly segment: number; readonly offset: number },
    keepEntries: boolean,
  ): string | undefined {
    const indexBytes = this.index.memoryBytes;
    const problem = this.#take(record, place, keepEntries);
    this.#context.onIndexBytes(this.index.memoryBytes - indexBytes);
    return problem;
  }

  /** Gives back what memory of the index the entries do not need. */
  trimIndex(): void {
    const indexBytes = this.index.memoryBytes;
    this.index.trim();
    this.#context.onIndexBytes(this.index.memoryBytes - indexBytes);
  }

  /** Lets go of everything, as if the group had never been. */
  forget(): void {
    const indexBytes = this.index.memoryBytes;
    this.#reset();
    this.#context.onIndexBytes(this.index.memoryBytes - indexBytes);
  }

  #take(
    record: WalRecord,
    place: { readonly segment: number; readonly offset: number },
    keepEntries: boolean,
  ): string | undefined {
    switch (record.kind) {
      case "entries":
        this.#dropFrom(record.entries[0]?.index ?? INDEX_ZERO);
        if (keepEntries) this.#context.cache.append(this.#tail, record.entries);
        return this.#placeEntries(record.entries, place);
      case "relocated":
        return this.#placeEntries(record.entries, place);
      case "hard-state":
        this.#hardState = record.hardState;
        this.#note("hard-state", record, place.segment);
        return undefined;
      case "snapshot":
        this.#takeSnapshot(record, place.segment);
        return undefined;
      case "install":
        this.#dropFrom(0);
        this.#compacted = { index: record.snapshot.meta.index, term: record.snapshot.meta.term };
        // The compaction that it implies is kept by the same record; a copy would write both.
        this.#takeSnapshot(record, place.segment);
        this.#note("compact", record, place.segment);
        return undefined;
      case "compact":
        this.#compacted = record.position;
        this.#dropThrough(record.position.index);
        this.#note("compact", record, place.segment);
        return undefined;
      case "config":
        // An earlier change changes nothing, so it must not take the place of what is kept.
        if (record.config.changedAt < this.#config.changedAt) return undefined;
        this.#config = record.config;
        this.#note("config", record, place.segment);
        return undefined;
      case "remove":
        this.#reset();
        return undefined;
    }
  }

  #takeSnapshot(record: WalRecord & { readonly snapshot: Snapshot }, segment: number): void {
    this.#snapshot = record.snapshot;
    this.#note("snapshot", record, segment);
    // Garbage collection may copy a config record past this one or the other way round, so the later
    // change wins, not the later record; between equals the explicit one.
    const { config } = record.snapshot.meta;
    const isLater = config.changedAt > this.#config.changedAt || !this.#places.has("config");
    if (record.kind === "install" || isLater) {
      this.#config = config;
    }
  }

  #placeEntries(
    entries: readonly Entry[],
    place: { readonly segment: number; readonly offset: number },
  ): string | undefined {
    let offset = place.offset + RECORD_HEADER_BYTES;
    for (const entry of entries) {
      const bytes = storedEntryBytes(entry);
      if (entry.index > this.#compacted.index) {
        const before = this.index.placeAt(entry.index);
        const isPlaced = this.index.set(entry.index, entry.term, {
          segment: place.segment,
          offset,
          bytes,
        });
        if (!isPlaced) return `entry ${entry.index} is far from the others of its group`;
        if (before !== undefined) this.#free(before.segment, before.bytes);
        this.#context.live.add(place.segment, this.group, bytes);
      }
      offset += bytes;
    }
    return undefined;
  }

  #cachedOrRead(from: number, to: number, maxBytes: number): readonly Entry[] {
    const cached: Entry[] = [];
    for (let at = from; at < to; at += 1) {
      const entry = this.#tail.get(at);
      if (entry === undefined) break;
      cached.push(entry);
      maxBytes -= storedEntryBytes(entry);
      if (maxBytes < 0) break;
    }
    if (cached.length > 0) return cached;
    let end = from;
    for (let bytes = 0; end < to && (end === from || bytes <= maxBytes); end += 1) {
      bytes += this.index.bytesAt(end);
      if (this.#tail.get(end) !== undefined) break;
    }
    return this.#context.source.read(this, from, end);
  }

  #note(kind: StateKind, record: WalRecord, segment: number): void {
    const before = this.#places.get(kind);
    if (before !== undefined) this.#free(before.segment, before.bytes);
    const bytes = recordBytes(record);
    this.#places.set(kind, { segment, bytes });
    this.#context.live.add(segment, this.group, bytes);
  }

  #dropFrom(index: number): void {
    this.index.dropFrom(index, this.#free);
    this.#context.cache.dropFrom(this.#tail, index);
  }

  #dropThrough(index: number): void {
    this.index.dropThrough(index, this.#free);
    this.#context.cache.dropThrough(this.#tail, index);
  }

  #reset(): void {
    this.#dropFrom(0);
    for (const { segment, bytes } of this.#places.values()) this.#free(segment, bytes);
    this.#places.clear();
    this.#hardState = INITIAL_HARD_STATE;
    this.#config = EMPTY_CONFIG_STATE;
    this.#snapshot = undefined;
    this.#compacted = { index: INDEX_ZERO, term: TERM_ZERO };
  }

  readonly #free = (segment: number, bytes: number): void => {
    this.#context.live.remove(segment, this.group, bytes);
  };
}
