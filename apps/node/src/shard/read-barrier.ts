/**
 * Sees to it that the state of this replica is as fresh as a read asks for.
 *
 * A linearizable read waits for the index that the leader names. A stale one may be served at once when this replica can
 * prove how old its state is at most: whatever was acknowledged before its last successful index read began shows here,
 * so the state is no older than that.
 */
import type { Clock } from "@titan/bitcask";
import type { RaftGroup } from "@titan/raft";
import { KvError } from "../kv/kv-error.js";
import { checkLimits, unlessCancelled, waitFor } from "./call-limits.js";
import { toShardError } from "./raft-failure.js";
import type { ShardMachine } from "./shard-machine.js";
import type { CallLimits, Freshness } from "./shard-replica.js";

/** An index read that others may share: what it proves counts from when it began. */
interface Proof {
  readonly beganMs: number;
  readonly done: Promise<unknown>;
}

export class ReadBarrier {
  readonly #group: RaftGroup;
  readonly #machine: ShardMachine;
  readonly #clock: Clock;
  /** Monotonic: the state is at least as new as what was acknowledged by then. */
  #provenMs = Number.NEGATIVE_INFINITY;
  #proof: Proof | undefined;

  constructor(group: RaftGroup, machine: ShardMachine, clock: Clock) {
    this.#group = group;
    this.#machine = machine;
    this.#clock = clock;
  }

  /** How old the state of this replica is at most; Infinity when nothing is known. */
  get stalenessMs(): number {
    return this.#clock.monotonicMs() - this.#provenMs;
  }

  /**
   * Resolves when a read in the same turn is as fresh as asked.
   * @throws KvError `NO_LEADER`, `TIMED_OUT`, `OVERLOADED`, …; `TOO_STALE` for a stale read
   */
  async pass(freshness: Freshness, limits: CallLimits): Promise<void> {
    checkLimits(limits);
    if (freshness.type === "linearizable") {
      await unlessCancelled(this.#prove(limits.timeoutMs), limits, "not-applied");
      return;
    }
    const { maxStalenessMs, atLeast } = freshness;
    if (maxStalenessMs > 0 && this.stalenessMs > maxStalenessMs) {
      await this.#refresh(maxStalenessMs, limits);
    }
    if (this.#machine.appliedIndex < atLeast) await this.#reach(atLeast, limits);
  }

  async #prove(timeoutMs: number): Promise<void> {
    const beganMs = this.#clock.monotonicMs();
    try {
      await this.#group.readIndex({ timeoutMs });
    } catch (error) {
      throw toShardError(error, this.#group.leader);
    }
    if (beganMs > this.#provenMs) this.#provenMs = beganMs;
  }

  /** Joins an index read under way when it will prove enough. */
  async #refresh(maxStalenessMs: number, limits: CallLimits): Promise<void> {
    try {
      const began = this.#proof?.beganMs ?? Number.NEGATIVE_INFINITY;
      const isEnough = this.#clock.monotonicMs() - began <= maxStalenessMs;
      const { done } = isEnough && this.#proof !== undefined ? this.#proof : this.#begin(limits);
      await unlessCancelled(done, limits, "not-applied");
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      throw tooStale(`it cannot be proven to be younger than ${maxStalenessMs} ms`, error);
    }
    if (this.stalenessMs <= maxStalenessMs) return;
    throw tooStale(`proving that it is younger than ${maxStalenessMs} ms took longer than that`);
  }

  #begin(limits: CallLimits): Proof {
    const done = this.#prove(limits.timeoutMs);
    const proof = { beganMs: this.#clock.monotonicMs(), done };
    this.#proof = proof;
    const end = (): void => {
      if (this.#proof === proof) this.#proof = undefined;
    };
    done.then(end, end);
    return proof;
  }

  /** Waits until the state includes `index`. */
  async #reach(index: number, { timeoutMs, signal }: CallLimits): Promise<void> {
    const machine = this.#machine;
    await waitFor(this.#clock, timeoutMs, signal, (wake) =>
      machine.onChange(() => {
        if (machine.appliedIndex >= index) wake();
      }),
    );
    if (machine.appliedIndex >= index) return;
    throw tooStale(`this replica stands at ${machine.appliedIndex}, ${index} was asked for`);
  }
}

function tooStale(why: string, cause?: unknown): KvError {
  const message = `the state of this replica is too old: ${why}`;
  return new KvError({ code: "TOO_STALE", message }, { cause });
}
