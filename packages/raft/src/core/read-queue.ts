/**
 * Reads of a leader that wait until a majority has confirmed that it still leads (Raft thesis
 * §6.4), in order of arrival.
 *
 * Reads are numbered from 1 in the order they come, within a term of leadership. A heartbeat
 * carries the number of the newest read there was when it was sent, and its answer confirms all
 * reads up to that number and none after. A number is never given twice, so an answer to an old
 * heartbeat cannot be taken for one to a newer read, whatever contexts callers choose and repeat.
 *
 * Invariant: waiting reads have the numbers (#confirmed, #confirmed + waiting].
 */

import type { LogIndex, NodeId } from "./ids.js";
import { type JointVoters, jointAcked } from "./quorum.js";

/** A read, its asker, and the commit index when it came. */
export interface PendingRead {
  readonly from: NodeId;
  readonly context: number;
  readonly index: LogIndex;
}

export class ReadQueue {
  #waiting: PendingRead[] = [];
  #confirmed = 0;
  readonly #acked = new Map<NodeId, number>();

  get size(): number {
    return this.#waiting.length;
  }

  /** What a heartbeat sent now asks to confirm; 0 when nothing waits. */
  get position(): number {
    return this.#waiting.length === 0 ? 0 : this.#confirmed + this.#waiting.length;
  }

  add(read: PendingRead): void {
    this.#waiting.push(read);
  }

  /** `voter` still followed this leader when it got the heartbeat that carried `position`. */
  acknowledge(voter: NodeId, position: number): void {
    const newest = this.#confirmed + this.#waiting.length;
    // A position that was never sent is none.
    if (position <= 0 || position > newest) return;
    this.#acked.set(voter, Math.max(position, this.#acked.get(voter) ?? 0));
  }

  /** Takes out the reads that both majorities have confirmed. */
  takeConfirmed(voters: JointVoters): readonly PendingRead[] {
    const confirmed = jointAcked(voters, (voter) => this.#acked.get(voter));
    if (!Number.isSafeInteger(confirmed) || confirmed <= this.#confirmed) return [];
    const reads = this.#waiting.splice(0, confirmed - this.#confirmed);
    this.#confirmed = confirmed;
    return reads;
  }
}
