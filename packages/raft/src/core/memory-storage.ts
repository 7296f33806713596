/**
 * A {@link LogStorage} in memory, for tests, simulations and groups that need no durability.
 *
 * Invariant: the entries are contiguous and begin right after `#compacted`.
 */

import { type ConfigState, EMPTY_CONFIG_STATE } from "./configuration.js";
import { countWithin, type Entry, NO_BYTES } from "./entry.js";
import { invariant, RaftError } from "./errors.js";
import type { Term } from "./ids.js";
import { INDEX_ZERO, type LogIndex, type LogPosition, shiftIndex, TERM_ZERO } from "./ids.js";
import type { HardState, LogStorage, Snapshot } from "./storage.js";

export const INITIAL_HARD_STATE: HardState = {
  term: TERM_ZERO,
  vote: undefined,
  commit: INDEX_ZERO,
};

export class MemoryStorage implements LogStorage {
  #hardState = INITIAL_HARD_STATE;
  #compacted: LogPosition = { index: INDEX_ZERO, term: TERM_ZERO };
  #entries: Entry[] = [];
  #snapshot: Snapshot;
  #config: ConfigState;

  /** @param config who is in the group before the first entry; nobody, for one that will join */
  constructor(config: ConfigState = EMPTY_CONFIG_STATE) {
    this.#snapshot = { meta: { index: INDEX_ZERO, term: TERM_ZERO, config }, data: NO_BYTES };
    this.#config = config;
  }

  initialState(): { readonly hardState: HardState; readonly config: ConfigState } {
    return { hardState: this.#hardState, config: this.#config };
  }

  firstIndex(): LogIndex {
    return shiftIndex(this.#compacted.index, 1);
  }

  lastIndex(): LogIndex {
    return shiftIndex(this.#compacted.index, this.#entries.length);
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#compacted.index) return this.#compacted.term;
    return this.#entries[index - this.#compacted.index - 1]?.term;
  }

  entries(low: LogIndex, high: LogIndex, maxBytes: number): readonly Entry[] {
    if (low <= this.#compacted.index) {
      throw new RaftError({ code: "RAFT_LOG_COMPACTED", message: `entry ${low} is compacted` });
    }
    if (high > this.lastIndex() + 1) {
      throw new RaftError({ code: "RAFT_LOG_UNAVAILABLE", message: `no entry ${high - 1}` });
    }
    const base = this.#compacted.index + 1;
    const entries = this.#entries.slice(low - base, high - base);
    return entries.slice(0, countWithin(entries, maxBytes));
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot.meta.index === 0 ? undefined : this.#snapshot;
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** Keeps the configuration that was just applied. */
  setConfig(config: ConfigState): void {
    this.#config = config;
  }

  /** Appends, replacing everything from the first entry's index on. Compacted ones are skipped. */
  append(entries: readonly Entry[]): void {
    const fresh = entries.filter((entry) => entry.index > this.#compacted.index);
    const first = fresh[0];
    if (first === undefined) return;
    const keep = first.index - this.#compacted.index - 1;
    invariant(keep <= this.#entries.length, () => `a hole before entry ${first.index}`);
    this.#entries.length = keep;
    for (const entry of fresh) this.#entries.push(entry);
  }

  /** Replaces log and state by a snapshot. An older one than the present is refused. */
  applySnapshot(snapshot: Snapshot): void {
    if (this.#snapshot.meta.index >= snapshot.meta.index) {
      throw new RaftError({ code: "RAFT_LOG_COMPACTED", message: "the snapshot is out of date" });
    }
    this.#snapshot = snapshot;
    this.#config = snapshot.meta.config;
    this.#compacted = { index: snapshot.meta.index, term: snapshot.meta.term };
    this.#entries = [];
  }

  /** Keeps `snapshot`, made from this log by its owner, to be sent to members that need one. */
  saveSnapshot(snapshot: Snapshot): void {
    if (this.#snapshot.meta.index < snapshot.meta.index) this.#snapshot = snapshot;
  }

  /**
   * Forgets entries up to and including `index`.
   * @throws RaftError `RAFT_LOG_COMPACTED` when that has been done already
   */
  compact(index: LogIndex): void {
    if (index <= this.#compacted.index) {
      throw new RaftError({ code: "RAFT_LOG_COMPACTED", message: `entry ${index} is compacted` });
    }
    const term = this.term(index);
    invariant(term !== undefined, () => `compaction to ${index} is beyond the log's end`);
    this.#entries.splice(0, index - this.#compacted.index);
    this.#compacted = { index, term };
  }
}
