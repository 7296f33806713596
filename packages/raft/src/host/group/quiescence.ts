/**
 * A group with nothing to do goes to sleep: no ticks, no heartbeats, no cost.
 *
 *     awake ──idle──▶ asking ──all members agree──▶ asleep      the leader
 *     awake ──asked, and has all that the leader has──▶ asleep  the others
 *
 * Anything at all wakes a member: a message of its group, a call, the loss of the way to its leader. A
 * leader's heartbeat is a message, so one that is awake keeps its followers awake.
 *
 * Safety does not depend on it, as sleep only stops the clock: to the core it is a long tick. Liveness
 * does, so a member sleeps only while the transport says that there is a way to the leader, and wakes when
 * it says that there is none (TiKV issues 16429 and 18916 tell of members that slept through that). A
 * sleeping member that is asked for its vote wakes, and its leader's lease then runs out as usual.
 */

import type { LogIndex, NodeId, Term } from "../../core/ids.js";
import type { PeerMessage } from "../../core/message.js";
import type { RaftCore } from "../../core/raft-core.js";
import type { SleepMessage } from "../wire/host-message.js";

export interface QuiescenceOptions {
  /** Ticks of idleness before the leader asks. */
  readonly idleTicks: number;
  /** Ticks that it waits for answers, without heartbeats: fewer than followers wait for those. */
  readonly askTicks: number;
  /** Whether there is a way to `peer`, as far as the transport knows. */
  readonly isUp: (peer: NodeId) => boolean;
  readonly send: (message: SleepMessage) => void;
}

/** Where things stood at the last tick: a group that moves is not idle. */
interface Standing {
  readonly term: Term;
  readonly index: LogIndex;
}

type State =
  | { readonly kind: "awake" }
  | { readonly kind: "asking"; ticksLeft: number; readonly missing: Set<NodeId> }
  | { readonly kind: "asleep" };

const AWAKE: State = { kind: "awake" };

export class Quiescence {
  readonly #options: QuiescenceOptions;
  #state: State = AWAKE;
  #idleTicks = 0;
  #standing: Standing | undefined;

  constructor(options: QuiescenceOptions) {
    this.#options = options;
  }

  get isAsleep(): boolean {
    return this.#state.kind === "asleep";
  }

  /** Time counts, and nobody has been asked to sleep. */
  get isAwake(): boolean {
    return this.#state.kind === "awake";
  }

  /** While a leader asks, it does not wake with heartbeats those that have agreed. */
  holdsBack(message: PeerMessage): boolean {
    return this.#state.kind === "asking" && message.type === "heartbeat-request";
  }

  /** Something has happened that is more than a heartbeat. */
  wake(): void {
    this.#state = AWAKE;
    this.#idleTicks = 0;
  }

  /** A message of the group's. A heartbeat, or an answer to one, ends sleep, but does not count as work. */
  hearPeer(message: PeerMessage): void {
    if (!isHeartbeat(message) || this.#state.kind === "asleep") this.wake();
  }

  /** A tick of a group that is awake. */
  tick(core: RaftCore, isBusy: boolean): void {
    if (core.role !== "leader" || isBusy || !this.#isStill(core)) {
      this.wake();
      return;
    }
    const state = this.#state;
    if (state.kind === "asking") {
      state.ticksLeft -= 1;
      if (state.ticksLeft <= 0) this.wake();
      return;
    }
    this.#idleTicks += 1;
    if (this.#idleTicks >= this.#options.idleTicks) this.#ask(core);
  }

  hear(core: RaftCore, message: SleepMessage): void {
    if (message.type === "sleep-request") this.#hearRequest(core, message);
    else this.#hearResponse(core, message);
  }

  /** A leader asks this member. */
  #hearRequest(core: RaftCore, { from, to, term, index }: SleepMessage): void {
    const agrees =
      core.role === "follower" &&
      core.leader === from &&
      core.term === term &&
      core.lastIndex === index &&
      isAllApplied(core) &&
      this.#options.isUp(from);
    if (!agrees) return;
    this.#options.send({ type: "sleep-response", from: to, to: from, term, index });
    this.#state = { kind: "asleep" };
  }

  /** A member agrees. */
  #hearResponse(core: RaftCore, { from, term, index }: SleepMessage): void {
    const state = this.#state;
    if (state.kind !== "asking" || core.term !== term || core.lastIndex !== index) return;
    state.missing.delete(from);
    if (state.missing.size === 0) this.#state = { kind: "asleep" };
  }

  /** Nothing is under way, and nothing was since the last tick. */
  #isStill(core: RaftCore): boolean {
    const before = this.#standing;
    this.#standing = { term: core.term, index: core.lastIndex };
    return (
      before !== undefined &&
      before.term === core.term &&
      before.index === core.lastIndex &&
      isAllApplied(core)
    );
  }

  #ask(core: RaftCore): void {
    this.#idleTicks = 0;
    const { id, term, config, transferee, members, lastIndex } = core.status();
    const others = members.filter((member) => member.id !== id);
    const isSettled =
      config.votersOutgoing.length === 0 &&
      transferee === undefined &&
      others.every(({ id, match, recentActive }) => {
        return match === lastIndex && recentActive && this.#options.isUp(id);
      });
    if (!isSettled) return;
    const missing = new Set(others.map((member) => member.id));
    if (missing.size === 0) {
      this.#state = { kind: "asleep" };
      return;
    }
    this.#state = { kind: "asking", ticksLeft: this.#options.askTicks, missing };
    for (const to of missing) {
      this.#options.send({ type: "sleep-request", from: id, to, term, index: lastIndex });
    }
  }
}

function isAllApplied({ lastIndex, commitIndex, appliedIndex }: RaftCore): boolean {
  return lastIndex === commitIndex && commitIndex === appliedIndex;
}

function isHeartbeat({ type }: PeerMessage): boolean {
  return type === "heartbeat-request" || type === "heartbeat-response";
}
