/**
 * Proposals of one group: first they wait for a turn, then for their entry to be applied.
 *
 * An entry is known by index and term. When another entry is applied at that index, the proposed one
 * can never be: two committed logs agree on every index (Raft paper §5.4.3). Losing leadership alone
 * proves nothing, so a proposal waits on, until it is applied, superseded, or its time is up.
 *
 * Bounds: `maxPending` proposals; bytes of those that wait for a turn by a budget of the host.
 */

import type { ConfigState } from "../../core/configuration.js";
import { type Entry, NO_BYTES } from "../../core/entry.js";
import { isRaftError, RaftError } from "../../core/errors.js";
import type { LogIndex } from "../../core/ids.js";
import type { Proposed, RaftCore } from "../../core/raft-core.js";
import type { ByteBudget } from "../byte-budget.js";
import { RaftHostError } from "../errors.js";
import type { EntryOutcome } from "../session/apply-batch.js";
import type { GroupMeter } from "./group-meter.js";

/** A command that was applied on this member, and so is committed. */
export interface Applied {
  readonly index: LogIndex;
  /** What the state machine answered; empty when it answered nothing. */
  readonly result: Uint8Array;
}

/** A configuration that was applied on this member. */
export interface AppliedConfig {
  readonly index: LogIndex;
  readonly config: ConfigState;
}

interface Waiter {
  readonly deadlineMs: number;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (error: Error) => void;
}

interface Queued extends Waiter {
  readonly data: Uint8Array;
}

interface Pending extends Waiter {
  readonly index: LogIndex;
  readonly term: number;
  /** When it was handed to the core. */
  readonly proposedMs: number;
  /** Another one of the same index and an earlier term, of which nothing is known yet. */
  readonly earlier: Pending | undefined;
}

export interface ProposalLimits {
  readonly maxPending: number;
  /** Payload bytes that are proposed, and so refused, together. */
  readonly maxBatchBytes: number;
  readonly maxEntryBytes: number;
}

export class Proposals {
  readonly #limits: ProposalLimits;
  readonly #budget: ByteBudget;
  readonly #meter: GroupMeter;
  #queue: Queued[] = [];
  readonly #pending = new Map<LogIndex, Pending>();
  #pendingCount = 0;
  /** No deadline is earlier. */
  #nextDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(limits: ProposalLimits, budget: ByteBudget, meter: GroupMeter) {
    this.#limits = limits;
    this.#budget = budget;
    this.#meter = meter;
  }

  get count(): number {
    return this.#queue.length + this.#pendingCount;
  }

  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  /** Takes a proposal for the next turn. `data` must not change afterwards. */
  enqueue(data: Uint8Array, deadlineMs: number): Promise<Applied> {
    const { maxPending, maxEntryBytes } = this.#limits;
    if (data.length > maxEntryBytes) {
      const message = `${data.length} bytes, limit ${maxEntryBytes}`;
      return Promise.reject(new RaftError({ code: "RAFT_ENTRY_TOO_LARGE", message }));
    }
    if (this.count >= maxPending || !this.#budget.tryTake(data.length)) {
      return Promise.reject(overloaded(`${this.count} proposals are under way`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ data, deadlineMs, resolve, reject });
      this.#noteDeadline(deadlineMs);
    });
  }

  /** Hands all that wait to the core, in batches that are taken or refused whole. */
  submit(core: RaftCore, nowMs: number): void {
    const queue = this.#queue;
    if (queue.length === 0) return;
    let from = 0;
    try {
      while (from < queue.length) {
        const to = this.#batchEnd(queue, from);
        const batch = queue.slice(from, to);
        this.#submitBatch(core, batch, nowMs);
        from = to;
        for (const { data } of batch) this.#budget.give(data.length);
      }
    } finally {
      // What is left when the core breaks down waits for the group's end: none is left without an answer.
      this.#queue = queue.slice(from);
    }
  }

  /** Waits for an entry that the core took by another way. */
  track(proposed: Proposed, deadlineMs: number, nowMs: number): Promise<Applied> {
    return new Promise((resolve, reject) => {
      const { index, term } = proposed;
      this.#add({ deadlineMs, resolve, reject }, index, term, nowMs);
      this.#noteDeadline(deadlineMs);
    });
  }

  /** `entry` has been applied: whoever proposed it, or another in its place, learns of it. */
  settle(entry: Entry, outcome: EntryOutcome): void {
    let pending = this.#pending.get(entry.index);
    if (pending === undefined) return;
    this.#pending.delete(entry.index);
    for (; pending !== undefined; pending = pending.earlier) {
      this.#pendingCount -= 1;
      if (pending.term !== entry.term) pending.reject(superseded(pending, entry));
      else if (!outcome.isApplied) pending.reject(outcome.error);
      else {
        this.#meter.countApplied(pending.proposedMs);
        pending.resolve({ index: entry.index, result: outcome.result ?? NO_BYTES });
      }
    }
  }

  /** The log up to `index` has been replaced by a snapshot, which tells nothing of single entries. */
  loseSightThrough(index: LogIndex): void {
    this.#rejectWhere(
      (pending) => pending.index <= index,
      () => lostSight(index),
    );
  }

  /** Gives up on what has waited too long. */
  expire(nowMs: number): void {
    if (nowMs < this.#nextDeadlineMs) return;
    const isExpired = (waiter: Waiter): boolean => waiter.deadlineMs <= nowMs;
    this.#rejectWhere(isExpired, () => timedOut("unknown"));
    const expired = this.#queue.filter(isExpired);
    this.#queue = this.#queue.filter((queued) => !isExpired(queued));
    for (const queued of expired) this.#refuse(queued, timedOut("not-applied"));
    this.#nextDeadlineMs = Number.POSITIVE_INFINITY;
    for (const { deadlineMs } of this.#queue) this.#noteDeadline(deadlineMs);
    for (const { deadlineMs } of this.#chains()) this.#noteDeadline(deadlineMs);
  }

  /** Rejects everything. @param toError makes the error, by what is known about the outcome */
  rejectAll(toError: (outcome: "not-applied" | "unknown") => Error): void {
    this.#rejectWhere(
      () => true,
      () => toError("unknown"),
    );
    const queue = this.#queue;
    this.#queue = [];
    for (const queued of queue) this.#refuse(queued, toError("not-applied"));
  }

  #submitBatch(core: RaftCore, batch: readonly Queued[], nowMs: number): void {
    let proposed: Proposed;
    try {
      proposed = core.proposeBatch(batch.map(({ data }) => data));
    } catch (error) {
      if (!isRaftError(error) || error.code === "RAFT_INVARIANT") throw error;
      for (const { reject } of batch) reject(error);
      return;
    }
    const first = proposed.index - batch.length + 1;
    for (const [offset, queued] of batch.entries()) {
      this.#add(queued, (first + offset) as LogIndex, proposed.term, nowMs);
    }
  }

  #add(waiter: Waiter, index: LogIndex, term: number, proposedMs: number): void {
    const { deadlineMs, resolve, reject } = waiter;
    const earlier = this.#pending.get(index);
    this.#pending.set(index, { deadlineMs, resolve, reject, index, term, proposedMs, earlier });
    this.#pendingCount += 1;
  }

  #batchEnd(queue: readonly Queued[], from: number): number {
    let bytes = 0;
    let to = from;
    for (; to < queue.length; to += 1) {
      bytes += queue[to]?.data.length ?? 0;
      if (to > from && bytes > this.#limits.maxBatchBytes) break;
    }
    return to;
  }

  #refuse(queued: Queued, error: Error): void {
    this.#budget.give(queued.data.length);
    queued.reject(error);
  }

  #rejectWhere(test: (pending: Pending) => boolean, toError: () => Error): void {
    for (const [index, newest] of this.#pending) {
      let kept: Pending | undefined;
      for (let one: Pending | undefined = newest; one !== undefined; one = one.earlier) {
        if (test(one)) {
          this.#pendingCount -= 1;
          one.reject(toError());
        } else {
          kept = { ...one, earlier: kept };
        }
      }
      if (kept === undefined) this.#pending.delete(index);
      else this.#pending.set(index, kept);
    }
  }

  *#chains(): Generator<Pending> {
    for (const newest of this.#pending.values()) {
      for (let one: Pending | undefined = newest; one !== undefined; one = one.earlier) yield one;
    }
  }

  #noteDeadline(deadlineMs: number): void {
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, deadlineMs);
  }
}

function overloaded(message: string): RaftHostError {
  return new RaftHostError({ code: "RAFT_HOST_OVERLOADED", message });
}

function timedOut(outcome: "not-applied" | "unknown"): RaftHostError {
  const message = `not known to be applied in the time given; outcome ${outcome}`;
  return new RaftHostError({ code: "RAFT_HOST_TIMEOUT", outcome, message });
}

function superseded(pending: Pending, entry: Entry): RaftHostError {
  const message = `entry ${pending.index} of term ${pending.term} gave way to one of ${entry.term}`;
  return new RaftHostError({ code: "RAFT_HOST_SUPERSEDED", message });
}

function lostSight(index: LogIndex): RaftHostError {
  const message = `a snapshot at ${index} took the place of the log around the proposal`;
  return new RaftHostError({ code: "RAFT_HOST_LOST_SIGHT", outcome: "unknown", message });
}
