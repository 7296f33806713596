/**
 * A leader's lease (Raft thesis §6.4.1), by time and promises: while it lasts, nobody else can lead, and
 * the leader's reads need no round to confirm that.
 *
 *     leader   at its time s asks all members to help nobody else to lead for P milliseconds
 *     member   promises, and keeps that for P milliseconds by its own clock, from when it was asked
 *     leader   once a majority has promised: leads until s + P · (1 − 2 · drift) by its own clock
 *
 * The assumption: the monotonic clocks of any two hosts run at rates that differ by no more than the share
 * `maxClockDrift`. Nothing is assumed of what they show, nor of how long messages take. A machine that
 * is suspended may stop its monotonic clock, and then would trust its lease for too long: so the wall
 * clock has to agree about the time that has passed since s. It lets pass a suspension of less than
 * P · drift; that is the second share that the lease leaves unused.
 *
 * A member that restarts has forgotten its promise, so it keeps the longest that it may have given. What a
 * promise does to votes, and that an invited successor ends a lease, is in the core (`LeaderLease`).
 *
 * Invariant: `#heldUntilMs` follows from answers of the present term and the present voters only. With
 * those of a configuration two changes back, an unpromised majority could exist.
 */

import type { ConfigState } from "../../core/configuration.js";
import type { NodeId, Term } from "../../core/ids.js";
import type { LeaderLease } from "../../core/options.js";
import { jointAcked } from "../../core/quorum.js";
import type { RaftCore } from "../../core/raft-core.js";
import type { Clock } from "../../wal/ports.js";
import type { LeaseMessage } from "../wire/host-message.js";

export interface TimedLeaseOptions {
  readonly clock: Clock;
  /** What a leader asks for, and the most that a member promises. */
  readonly promiseMs: number;
  /** Share by which clocks may run at different rates. */
  readonly maxClockDrift: number;
  /** Ticks between two askings. */
  readonly everyTicks: number;
  /** This member may have promised something before it was opened. */
  readonly mayHavePromised: boolean;
}

/** What a lease needs to know of its member. */
export type LeasedCore = Pick<RaftCore, "id" | "role" | "term" | "leader">;

/** When a leader asked. */
interface Asking {
  readonly atMs: number;
  /** What the wall clock showed beyond the monotonic one. */
  readonly wallOffsetMs: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

export class TimedLease implements LeaderLease {
  readonly #options: TimedLeaseOptions;
  #grantedUntilMs: number;

  /** Of the leader, from here on. The term that all the rest is of. */
  #term: Term | undefined;
  /** Askings from number `#firstAsking` on; those whose promises have run out are dropped. */
  #askings: Asking[] = [];
  #firstAsking = 1;
  /** The last asking that each member answered. */
  readonly #answered = new Map<NodeId, number>();
  #held: Asking | undefined;
  #ticks = 0;

  constructor(options: TimedLeaseOptions) {
    this.#options = options;
    const { clock, promiseMs, mayHavePromised } = options;
    this.#grantedUntilMs = mayHavePromised ? clock.monotonicMs() + promiseMs : NEVER;
  }

  isHeld(term: Term): boolean {
    const held = this.#held;
    if (held === undefined || term !== this.#term) return false;
    const { clock, promiseMs, maxClockDrift } = this.#options;
    const nowMs = clock.monotonicMs();
    const slackMs = promiseMs * maxClockDrift;
    // Once for the rates of clocks, once for what the wall clock lets pass.
    if (nowMs >= held.atMs + promiseMs - 2 * slackMs) return false;
    return Math.abs(clock.wallMs() - nowMs - held.wallOffsetMs) < slackMs;
  }

  isGranted(): boolean {
    return this.#options.clock.monotonicMs() < this.#grantedUntilMs;
  }

  /** Time passes. A leader asks now and then. */
  tick(core: LeasedCore, config: ConfigState, send: (message: LeaseMessage) => void): void {
    if (core.role !== "leader") {
      this.#ticks = 0;
      return;
    }
    if (core.term !== this.#term) this.#begin(core);
    if (this.#ticks % this.#options.everyTicks === 0) this.#ask(core, config, send);
    this.#ticks += 1;
  }

  /** A leader asks, or a member answers. */
  hear(core: LeasedCore, config: ConfigState, message: LeaseMessage): LeaseMessage | undefined {
    if (message.type === "lease-request") return this.#promise(core, message);
    const { from, term, round, promiseMs } = message;
    const isAnswer = core.role === "leader" && core.term === term && this.#term === term;
    if (!isAnswer || promiseMs !== this.#options.promiseMs) return undefined;
    this.#answered.set(from, Math.max(round, this.#answered.get(from) ?? 0));
    this.#count(core, config);
    return undefined;
  }

  /** Other voters decide from now on. */
  reconfigure(core: LeasedCore, config: ConfigState): void {
    if (core.role === "leader" && core.term === this.#term) this.#count(core, config);
  }

  /** The process stood still: what was promised before counts no more. */
  lose(): void {
    this.#term = undefined;
    this.#held = undefined;
    this.#ticks = 0;
  }

  #promise(core: LeasedCore, request: LeaseMessage): LeaseMessage | undefined {
    const { from, to, term, promiseMs } = request;
    const isOfLeader = core.role === "follower" && core.leader === from && core.term === term;
    if (!isOfLeader || promiseMs > this.#options.promiseMs) return undefined;
    const untilMs = this.#options.clock.monotonicMs() + promiseMs;
    this.#grantedUntilMs = Math.max(this.#grantedUntilMs, untilMs);
    return { ...request, type: "lease-response", from: to, to: from };
  }

  #begin(core: LeasedCore): void {
    this.#term = core.term;
    this.#held = undefined;
    // Numbers go on, so that no answer from before is one to a later asking.
    this.#firstAsking += this.#askings.length;
    this.#askings = [];
    this.#answered.clear();
  }

  #ask(core: LeasedCore, config: ConfigState, send: (message: LeaseMessage) => void): void {
    const { clock, promiseMs } = this.#options;
    const atMs = clock.monotonicMs();
    while ((this.#askings[0]?.atMs ?? atMs) < atMs - promiseMs) {
      this.#askings.shift();
      this.#firstAsking += 1;
    }
    const round = this.#firstAsking + this.#askings.length;
    this.#askings.push({ atMs, wallOffsetMs: clock.wallMs() - atMs });
    const { id, term } = core;
    this.#answered.set(id, round);
    for (const to of new Set([...config.voters, ...config.votersOutgoing])) {
      if (to === id) continue;
      send({ type: "lease-request", from: id, to, term, round, promiseMs });
    }
  }

  #count({ id }: LeasedCore, config: ConfigState): void {
    const voters = {
      incoming: new Set(config.voters),
      outgoing: new Set(config.votersOutgoing),
    };
    const newest = this.#firstAsking + this.#askings.length - 1;
    this.#answered.set(id, newest);
    const round = jointAcked(voters, (voter) => {
      const answered = this.#answered.get(voter) ?? 0;
      // An asking that was never made is none.
      return answered > newest ? 0 : answered;
    });
    this.#held = this.#askings[round - this.#firstAsking];
  }
}
