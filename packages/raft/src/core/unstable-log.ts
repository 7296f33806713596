/**
 * The tail of the log, and perhaps a snapshot before it, that stable storage does not have yet.
 *
 *        offset        inProgress          end
 *   ……────┼──────────────┼──────────────────┼
 *  stable │ being written│ not handed out   │
 *
 * Entries stay here until their write is reported done, so that reads never depend on how far an
 * asynchronous write has come. `offset` may lie below the end of stable storage: then the next
 * write overwrites a conflicting suffix there.
 *
 * Invariants: entries[i] has index offset + i. offset <= inProgress <= end. A snapshot here is
 * at offset - 1 or before.
 */

import type { Entry } from "./entry.js";
import { invariant } from "./errors.js";
import type { Term } from "./ids.js";
import { earlierIndex, type LogIndex, type LogPosition, laterIndex, shiftIndex } from "./ids.js";
import type { Snapshot } from "./storage.js";

export class UnstableLog {
  #entries: Entry[] = [];
  #offset: LogIndex;
  #inProgress: LogIndex;
  #snapshot: Snapshot | undefined;
  #isSnapshotInProgress = false;

  /** @param offset index that the next entry will have */
  constructor(offset: LogIndex) {
    this.#offset = offset;
    this.#inProgress = offset;
  }

  get offset(): LogIndex {
    return this.#offset;
  }

  /** Index one past the last entry held here. */
  get end(): LogIndex {
    return shiftIndex(this.#offset, this.#entries.length);
  }

  get hasEntries(): boolean {
    return this.#entries.length > 0;
  }

  /** The snapshot that storage does not have yet, handed out or not. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Last index known from here: of the entries, else of the snapshot. */
  lastIndex(): LogIndex | undefined {
    if (this.#entries.length > 0) return shiftIndex(this.end, -1);
    return this.#snapshot?.meta.index;
  }

  term(index: LogIndex): Term | undefined {
    if (index >= this.#offset) return this.#entries[index - this.#offset]?.term;
    return this.#snapshot?.meta.index === index ? this.#snapshot.meta.term : undefined;
  }

  /** Entries in `[low, high)`, all of which must be here. */
  slice(low: LogIndex, high: LogIndex): Entry[] {
    invariant(
      this.#offset <= low && low <= high && high <= this.end,
      () => `entries [${low}, ${high}) are not within [${this.#offset}, ${this.end})`,
    );
    return this.#entries.slice(low - this.#offset, high - this.#offset);
  }

  /** Entries not yet handed out to be written. */
  nextEntries(): Entry[] {
    return this.#entries.slice(this.#inProgress - this.#offset);
  }

  get hasNextEntries(): boolean {
    return this.#inProgress < this.end;
  }

  /** The snapshot, unless it was handed out already. */
  nextSnapshot(): Snapshot | undefined {
    return this.#isSnapshotInProgress ? undefined : this.#snapshot;
  }

  /** Everything here has been handed out to be written. */
  acceptInProgress(): void {
    this.#inProgress = this.end;
    if (this.#snapshot !== undefined) this.#isSnapshotInProgress = true;
  }

  /**
   * The entries up to `position` are in stable storage and no write under way will overwrite
   * them. Ignored when they are no longer here or were replaced in the meantime.
   */
  stableTo(position: LogPosition): void {
    const { index, term } = position;
    if (index < this.#offset || this.term(index) !== term) return;
    this.#entries = this.#entries.slice(index + 1 - this.#offset);
    this.#offset = shiftIndex(index, 1);
    this.#inProgress = laterIndex(this.#inProgress, this.#offset);
  }

  /** The snapshot at `index` is in stable storage. */
  stableSnapshotTo(index: LogIndex): void {
    if (this.#snapshot?.meta.index !== index) return;
    this.#snapshot = undefined;
    this.#isSnapshotInProgress = false;
  }

  /** Starts over behind a snapshot received from the leader. */
  restore(snapshot: Snapshot): void {
    this.#entries = [];
    this.#offset = shiftIndex(snapshot.meta.index, 1);
    this.#inProgress = this.#offset;
    this.#snapshot = snapshot;
    this.#isSnapshotInProgress = false;
  }

  /** Appends `entries`, replacing everything from the first one's index on. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const from = first.index;
    invariant(from <= this.end, () => `entry ${from} would leave a hole after ${this.end - 1}`);
    if (from === this.end) {
      for (const entry of entries) this.#entries.push(entry);
      return;
    }
    if (from <= this.#offset) {
      this.#entries = [...entries];
      this.#offset = from;
      this.#inProgress = from;
      return;
    }
    this.#entries = [...this.#entries.slice(0, from - this.#offset), ...entries];
    // What replaces entries under way has itself not been handed out.
    this.#inProgress = earlierIndex(this.#inProgress, from);
  }
}
