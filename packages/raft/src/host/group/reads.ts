/**
 * Linearizable reads of one group (Raft thesis §6.4): a round asks the core for an index, and the reads
 * in it may be served once everything up to there has been applied here.
 *
 * All reads that come between two turns share a round. A round is numbered anew each time that it is
 * asked, from a random start, so that no answer can be taken for one to another round, not even across
 * a restart (etcd issue 20418).
 *
 * Bound: `maxPending` reads.
 */

import { isRaftError } from "../../core/errors.js";
import type { LogIndex } from "../../core/ids.js";
import type { Random } from "../../core/options.js";
import type { RaftCore } from "../../core/raft-core.js";
import { RaftHostError } from "../errors.js";
import type { GroupMeter } from "./group-meter.js";

interface Waiter {
  readonly deadlineMs: number;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: Error) => void;
}

interface Round {
  readonly askedMs: number;
  readonly waiters: readonly Waiter[];
}

/** Confirmed: to be served when `index` is applied. */
interface Confirmed {
  readonly index: LogIndex;
  readonly askedMs: number;
  readonly waiters: readonly Waiter[];
}

export class Reads {
  readonly #maxPending: number;
  readonly #retryMs: number;
  readonly #meter: GroupMeter;
  #gathering: Waiter[] = [];
  readonly #rounds = new Map<number, Round>();
  #confirmed: Confirmed[] = [];
  #count = 0;
  #nextContext: number;

  /** @param retryMs a round without an answer for this long is asked again */
  constructor(options: {
    readonly maxPending: number;
    readonly retryMs: number;
    readonly random: Random;
    readonly meter: GroupMeter;
  }) {
    this.#maxPending = options.maxPending;
    this.#retryMs = options.retryMs;
    this.#meter = options.meter;
    // 2^51 numbers to start from leave as many to count on.
    const { random } = options;
    this.#nextContext = random.nextInt(2 ** 31) * 2 ** 20 + random.nextInt(2 ** 20);
  }

  get count(): number {
    return this.#count;
  }

  get hasGathered(): boolean {
    return this.#gathering.length > 0;
  }

  enqueue(deadlineMs: number): Promise<LogIndex> {
    if (this.#count >= this.#maxPending) {
      const message = `${this.#count} reads are under way`;
      return Promise.reject(new RaftHostError({ code: "RAFT_HOST_OVERLOADED", message }));
    }
    this.#count += 1;
    return new Promise((resolve, reject) => {
      this.#gathering.push({ deadlineMs, resolve, reject });
    });
  }

  /** Asks the core for what has gathered. */
  submit(core: RaftCore, nowMs: number): void {
    if (this.#gathering.length === 0) return;
    const waiters = this.#gathering;
    this.#gathering = [];
    this.#ask(core, waiters, nowMs);
  }

  /** The core answers a round. */
  confirm(context: number, index: LogIndex, applied: LogIndex): void {
    const round = this.#rounds.get(context);
    // Of an earlier asking, or answered already.
    if (round === undefined) return;
    this.#rounds.delete(context);
    this.#confirmed.push({ index, ...round });
    this.release(applied);
  }

  /** Everything up to `applied` has been applied. */
  release(applied: LogIndex): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter(({ index }) => index <= applied);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter(({ index }) => index > applied);
    for (const { index, askedMs, waiters } of ready) {
      this.#count -= waiters.length;
      this.#meter.tellReads(waiters.length, askedMs);
      for (const { resolve } of waiters) resolve(index);
    }
  }

  /** Gives up on reads whose time is up, and asks again what was lost. */
  tick(core: RaftCore, nowMs: number): void {
    if (this.#count === 0) return;
    this.#gathering = this.#withoutExpired(this.#gathering, nowMs);
    this.#confirmed = this.#confirmed
      .map((read) => ({ ...read, waiters: this.#withoutExpired(read.waiters, nowMs) }))
      .filter(({ waiters }) => waiters.length > 0);
    const again: Waiter[] = [];
    for (const [context, { askedMs, waiters }] of this.#rounds) {
      const left = this.#withoutExpired(waiters, nowMs);
      if (left.length > 0 && nowMs - askedMs < this.#retryMs) {
        this.#rounds.set(context, { askedMs, waiters: left });
        continue;
      }
      this.#rounds.delete(context);
      again.push(...left);
    }
    if (again.length > 0) this.#ask(core, again, nowMs);
  }

  rejectAll(error: Error): void {
    const rounds = [...this.#rounds.values(), ...this.#confirmed];
    const waiters = [...this.#gathering, ...rounds.flatMap((round) => round.waiters)];
    this.#gathering = [];
    this.#rounds.clear();
    this.#confirmed = [];
    this.#count = 0;
    for (const { reject } of waiters) reject(error);
  }

  #ask(core: RaftCore, waiters: readonly Waiter[], nowMs: number): void {
    const context = this.#nextContext;
    this.#nextContext += 1;
    this.#rounds.set(context, { askedMs: nowMs, waiters });
    try {
      core.readIndex(context);
    } catch (error) {
      if (!isRaftError(error) || error.code === "RAFT_INVARIANT") throw error;
      this.#rounds.delete(context);
      this.#count -= waiters.length;
      for (const { reject } of waiters) reject(error);
    }
  }

  #withoutExpired(waiters: readonly Waiter[], nowMs: number): Waiter[] {
    const left: Waiter[] = [];
    for (const waiter of waiters) {
      if (waiter.deadlineMs > nowMs) {
        left.push(waiter);
        continue;
      }
      this.#count -= 1;
      const message = "no leader has confirmed the read in the time given";
      waiter.reject(new RaftHostError({ code: "RAFT_HOST_TIMEOUT", message }));
    }
    return left;
  }
}
