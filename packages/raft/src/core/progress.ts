/**
 * What a leader knows of one member, and how fast it may send to it.
 *
 *   probe ── acknowledged ──▶ replicate ── rejected, unreachable ──▶ probe
 *     │                                                               ▲
 *     └── needs entries that are compacted ──▶ snapshot ── reported ──┘
 *                                                 └── acknowledged ──▶ replicate
 *
 * - `probe`: where the logs meet is unknown; one append per heartbeat interval.
 * - `replicate`: appends are sent ahead of acknowledgements, inside a window.
 * - `snapshot`: nothing is sent until the snapshot has arrived or failed.
 *
 * Invariants: match < next. sentCommit < next.
 */

import { earlierIndex, INDEX_ZERO, type LogIndex, laterIndex, shiftIndex } from "./ids.js";
import { Inflights } from "./inflights.js";

export type ProgressState = "probe" | "replicate" | "snapshot";

export interface ProgressInit {
  readonly next: LogIndex;
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  readonly isLearner: boolean;
  readonly recentActive: boolean;
}

export class Progress {
  state: ProgressState = "probe";
  /** The member's log is known to equal the leader's up to here. */
  match: LogIndex = INDEX_ZERO;
  /** Index of the next entry to send. */
  next: LogIndex;
  /** Index of the snapshot under way; 0 outside state `snapshot`. */
  pendingSnapshot: LogIndex = INDEX_ZERO;
  /** Highest commit index that a message under way tells the member. */
  sentCommit: LogIndex = INDEX_ZERO;
  /** A message came from the member since the last check of the quorum. */
  recentActive: boolean;
  /** Sending is paused until the member answers something. */
  isFlowPaused = false;
  isLearner: boolean;
  readonly inflights: Inflights;

  constructor(init: ProgressInit, inflights?: Inflights) {
    this.next = init.next;
    this.isLearner = init.isLearner;
    this.recentActive = init.recentActive;
    this.inflights = inflights ?? new Inflights(init.maxInflightMessages, init.maxInflightBytes);
  }

  becomeProbe(): void {
    // A snapshot that was sent is where probing goes on; otherwise nothing beyond `match` is sure.
    const afterSnapshot = this.state === "snapshot" ? this.pendingSnapshot : INDEX_ZERO;
    this.#resetTo("probe");
    this.next = shiftIndex(laterIndex(this.match, afterSnapshot), 1);
    this.#boundSentCommit();
  }

  becomeReplicate(): void {
    this.#resetTo("replicate");
    this.next = shiftIndex(this.match, 1);
  }

  becomeSnapshot(index: LogIndex): void {
    this.#resetTo("snapshot");
    this.pendingSnapshot = index;
    this.next = shiftIndex(index, 1);
    this.sentCommit = index;
  }

  /** Accounts for an append with `count` entries of `bytes` payload, sent from `next` on. */
  sentEntries(count: number, bytes: number): void {
    if (this.state === "replicate") {
      if (count > 0) {
        this.next = shiftIndex(this.next, count);
        this.inflights.add(shiftIndex(this.next, -1), bytes);
      }
      // With a full window this message is a probe: nothing more until something comes back.
      this.isFlowPaused = this.inflights.isFull;
    } else if (count > 0) {
      this.isFlowPaused = true;
    }
  }

  sentCommitIndex(commit: LogIndex): void {
    this.sentCommit = commit;
  }

  /** Telling the member this commit index could let it commit more than it was told. */
  canBumpCommit(commit: LogIndex): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** An acknowledgement up to `index` came. False when it says nothing new. */
  maybeUpdate(index: LogIndex): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = laterIndex(this.next, shiftIndex(index, 1));
    this.isFlowPaused = false;
    return true;
  }

  /**
   * The append after `rejected` was refused and the logs may meet at `hint`. False when the
   * refusal is stale: messages may be delayed, repeated and reordered.
   */
  maybeDecrease(rejected: LogIndex, hint: LogIndex): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.next = shiftIndex(this.match, 1);
      this.#boundSentCommit();
      return true;
    }
    // Outside the window there is one append under way, so its refusal must be about next - 1.
    if (this.next - 1 !== rejected) return false;
    const below = earlierIndex(rejected, shiftIndex(hint, 1));
    this.next = laterIndex(below, shiftIndex(this.match, 1));
    this.#boundSentCommit();
    this.isFlowPaused = false;
    return true;
  }

  get isPaused(): boolean {
    return this.state === "snapshot" || this.isFlowPaused;
  }

  /** A copy to change while a configuration is worked out. It shares the window. */
  clone(): Progress {
    const copy = new Progress(
      {
        next: this.next,
        isLearner: this.isLearner,
        recentActive: this.recentActive,
        maxInflightMessages: 0,
        maxInflightBytes: 0,
      },
      this.inflights,
    );
    copy.state = this.state;
    copy.match = this.match;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.sentCommit = this.sentCommit;
    copy.isFlowPaused = this.isFlowPaused;
    return copy;
  }

  #resetTo(state: ProgressState): void {
    this.isFlowPaused = false;
    this.pendingSnapshot = INDEX_ZERO;
    this.state = state;
    this.inflights.clear();
  }

  #boundSentCommit(): void {
    this.sentCommit = earlierIndex(this.sentCommit, shiftIndex(this.next, -1));
  }
}
