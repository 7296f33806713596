/**
 * The whole log as the protocol sees it: stable storage, the unstable tail over it, and how far
 * it is committed and applied.
 *
 * Invariants: applied <= applying <= committed <= lastIndex. Entries up to `committed` never
 * change.
 */

import { countWithin, type Entry, entryBytes, totalEntryBytes } from "./entry.js";
import { invariant, isRaftError } from "./errors.js";
import {
  earlierIndex,
  INDEX_ZERO,
  isAsGood,
  type LogIndex,
  type LogPosition,
  laterIndex,
  shiftIndex,
  type Term,
} from "./ids.js";
import type { LogStorage, Snapshot } from "./storage.js";
import { UnstableLog } from "./unstable-log.js";

export class RaftLog {
  readonly unstable: UnstableLog;
  readonly #storage: LogStorage;
  readonly #maxApplyingBytes: number;
  #committed: LogIndex;
  #applying: LogIndex;
  #applied: LogIndex;
  #applyingBytes = 0;
  #isApplyingPaused = false;

  /** @param maxApplyingBytes limit on entries handed out to be applied and not yet reported */
  constructor(storage: LogStorage, maxApplyingBytes: number) {
    this.#storage = storage;
    this.#maxApplyingBytes = maxApplyingBytes;
    const beforeFirst = shiftIndex(storage.firstIndex(), -1);
    this.unstable = new UnstableLog(shiftIndex(storage.lastIndex(), 1));
    this.#committed = beforeFirst;
    this.#applying = beforeFirst;
    this.#applied = beforeFirst;
  }

  get committed(): LogIndex {
    return this.#committed;
  }

  /** Everything up to here has been handed out to be applied. */
  get applying(): LogIndex {
    return this.#applying;
  }

  get applied(): LogIndex {
    return this.#applied;
  }

  firstIndex(): LogIndex {
    const snapshot = this.unstable.snapshot;
    return snapshot === undefined ? this.#storage.firstIndex() : shiftIndex(snapshot.meta.index, 1);
  }

  lastIndex(): LogIndex {
    return this.unstable.lastIndex() ?? this.#storage.lastIndex();
  }

  lastPosition(): LogPosition {
    const index = this.lastIndex();
    const term = this.term(index);
    invariant(term !== undefined, () => `the last entry, ${index}, has no term`);
    return { index, term };
  }

  /** Undefined when the entry is compacted away or not there yet. */
  term(index: LogIndex): Term | undefined {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) return unstable;
    // The term before the first entry survives compaction: appends are matched against it.
    if (index + 1 < this.firstIndex() || index > this.lastIndex()) return undefined;
    return this.#storage.term(index);
  }

  has(position: LogPosition): boolean {
    return this.term(position.index) === position.term;
  }

  /** Whether a log ending at `last` may win this node's vote (Raft paper §5.4.1). */
  isUpToDate(last: LogPosition): boolean {
    return isAsGood(last, this.lastPosition());
  }

  /**
   * Entries from `low` on, at most `maxBytes` of them but at least one if there is one.
   * Undefined when they are compacted away.
   */
  entriesFrom(low: LogIndex, maxBytes: number): readonly Entry[] | undefined {
    const last = this.lastIndex();
    if (low > last) return [];
    return this.slice(low, shiftIndex(last, 1), maxBytes);
  }

  /** Entries in `[low, high)`, cut after `maxBytes`; undefined when `low` is compacted away. */
  slice(low: LogIndex, high: LogIndex, maxBytes: number): readonly Entry[] | undefined {
    invariant(
      low <= high && high <= this.lastIndex() + 1,
      () => `entries [${low}, ${high}) reach beyond ${this.lastIndex()}`,
    );
    if (low < this.firstIndex()) return undefined;
    if (low === high) return [];
    const offset = this.unstable.offset;
    if (low >= offset) return cut(this.unstable.slice(low, high), maxBytes);
    const stableHigh = earlierIndex(high, offset);
    const stable = this.#readStable(low, stableHigh, maxBytes);
    if (stable === undefined || high <= offset) return stable;
    if (stable.length < stableHigh - low) return stable;
    const room = maxBytes - totalEntryBytes(stable);
    if (room <= 0) return stable;
    const rest = cut(this.unstable.slice(offset, high), room);
    const first = rest[0];
    // A cut leaves at least one entry; here that one may not fit behind the stable ones.
    if (rest.length === 1 && first !== undefined && entryBytes(first) > room) return stable;
    return [...stable, ...rest];
  }

  /**
   * Appends `entries` when the log has `previous`, cutting off a suffix only if it conflicts
   * (Raft paper figure 2, AppendEntries 2–5), and learns the leader's commit index.
   * @returns the last index that now equals the leader's log; undefined when `previous` is missing
   */
  maybeAppend(
    previous: LogPosition,
    entries: readonly Entry[],
    leaderCommit: LogIndex,
  ): LogIndex | undefined {
    if (!this.has(previous)) return undefined;
    const lastNew = shiftIndex(previous.index, entries.length);
    const news = entries.findIndex((entry) => !this.has(entry));
    if (news >= 0) this.append(entries.slice(news));
    // Beyond `lastNew` this log may differ from the leader's, whatever the leader has committed.
    this.commitTo(earlierIndex(leaderCommit, lastNew));
    return lastNew;
  }

  /** Appends, replacing everything from the first entry's index on. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    invariant(
      first.index > this.#committed,
      () => `entry ${first.index} would replace a committed one (commit ${this.#committed})`,
    );
    this.unstable.truncateAndAppend(entries);
  }

  /**
   * Best guess where this log ends matching another one of which only one position is known: the
   * highest index at or before it with a term no later, or whose term is unknown here.
   */
  guessMatch(at: LogPosition): { readonly index: LogIndex; readonly term: Term | undefined } {
    for (let index = at.index; index > 0; index = shiftIndex(index, -1)) {
      const term = this.term(index);
      if (term === undefined || term <= at.term) return { index, term };
    }
    return { index: INDEX_ZERO, term: undefined };
  }

  /** Moves the commit index forward. */
  commitTo(index: LogIndex): void {
    if (index <= this.#committed) return;
    invariant(
      index <= this.lastIndex(),
      () =>
        `commit ${index} is beyond the log's end ${this.lastIndex()}: acknowledged entries lost`,
      "acknowledged-lost",
    );
    this.#committed = index;
  }

  /**
   * Commits up to `index` if that entry is of the leader's own `term`: counting replicas of an
   * older one proves nothing (Raft paper §5.4.2).
   */
  maybeCommit(index: LogIndex, term: Term): boolean {
    if (index <= this.#committed || term === 0 || this.term(index) !== term) return false;
    this.commitTo(index);
    return true;
  }

  /** Sets the commit index read from storage. */
  restoreCommit(index: LogIndex): void {
    invariant(
      this.#committed <= index && index <= this.lastIndex(),
      () => `stored commit ${index} is outside [${this.#committed}, ${this.lastIndex()}]`,
    );
    this.#committed = index;
  }

  /** Starts over behind a snapshot. */
  restore(snapshot: Snapshot): void {
    this.#committed = snapshot.meta.index;
    this.unstable.restore(snapshot);
  }

  /** The latest snapshot: one just received, else the storage's. */
  snapshot(): Snapshot | undefined {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /**
   * Committed entries to apply next, within the apply limit.
   * @param allowUnstable also those whose local write has not been reported done
   */
  nextCommitted(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommitted(allowUnstable)) return [];
    const low = shiftIndex(this.#applying, 1);
    const high = shiftIndex(this.#maxAppliable(allowUnstable), 1);
    const entries = this.slice(low, high, this.#maxApplyingBytes - this.#applyingBytes);
    invariant(entries !== undefined, () => `unapplied entries from ${low} on are compacted away`);
    return entries;
  }

  hasNextCommitted(allowUnstable: boolean): boolean {
    // A snapshot to restore comes first, and alone.
    if (this.#isApplyingPaused || this.unstable.snapshot !== undefined) return false;
    return this.#applying < this.#maxAppliable(allowUnstable);
  }

  /** `entries`, from {@link nextCommitted}, have been handed out. */
  acceptApplying(entries: readonly Entry[], allowUnstable: boolean): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#applying = last.index;
    this.#applyingBytes += totalEntryBytes(entries);
    // When fewer were handed out than could have been, the limit has been reached as well.
    this.#isApplyingPaused =
      this.#applyingBytes >= this.#maxApplyingBytes ||
      last.index < this.#maxAppliable(allowUnstable);
  }

  /** Everything up to `index` has been applied, freeing `bytes` of the apply limit. */
  appliedTo(index: LogIndex, bytes: number): void {
    invariant(
      this.#applied <= index && index <= this.#committed,
      () => `applied ${index} is outside [${this.#applied}, ${this.#committed}]`,
    );
    this.#applied = index;
    this.#applying = laterIndex(this.#applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#isApplyingPaused = this.#applyingBytes >= this.#maxApplyingBytes;
  }

  /** Whether a committed, unapplied entry satisfies `test`; reads at most a page at a time. */
  someUnapplied(test: (entry: Entry) => boolean): boolean {
    let low = shiftIndex(this.#applied, 1);
    const high = shiftIndex(this.#committed, 1);
    while (low < high) {
      const page = this.slice(low, high, this.#maxApplyingBytes);
      invariant(page !== undefined && page.length > 0, () => `entry ${low} cannot be read`);
      if (page.some(test)) return true;
      low = shiftIndex(low, page.length);
    }
    return false;
  }

  #maxAppliable(allowUnstable: boolean): LogIndex {
    if (allowUnstable) return this.#committed;
    return earlierIndex(this.#committed, shiftIndex(this.unstable.offset, -1));
  }

  #readStable(low: LogIndex, high: LogIndex, maxBytes: number): readonly Entry[] | undefined {
    try {
      return this.#storage.entries(low, high, maxBytes);
    } catch (error) {
      // The storage may compact between two calls, as its owner sees fit.
      if (isRaftError(error) && error.code === "RAFT_LOG_COMPACTED") return undefined;
      throw error;
    }
  }
}

function cut(entries: readonly Entry[], maxBytes: number): readonly Entry[] {
  const count = countWithin(entries, maxBytes);
  return count === entries.length ? entries : entries.slice(0, count);
}
