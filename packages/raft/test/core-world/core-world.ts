/**
 * Groups under random loss, delay, repetition, reordering, partitions, slow disks, crashes, membership
 * changes, transfers and compaction, with every safety property checked after each step, and progress
 * demanded once the faults stop. The core alone, so that thousands of steps take milliseconds; the
 * simulator of `src/sim` runs whole hosts.
 */

import {
  foundingSnapshot,
  isRaftError,
  type PeerMessage,
  parseMemberChanges,
  type RaftCoreOptions,
} from "../../src/core/index.js";
import { seededRandom } from "../support/seeded-random.js";
import { bytes } from "../support/test-node.js";
import { demand, SharedHistory } from "./shared-history.js";
import { WorldNode } from "./world-node.js";

const STEPS = 3000;
const MEMBERS = [1, 2, 3, 4, 5];
const FOUNDERS = [1, 2, 3];
const MAX_IN_FLIGHT = 400;

/** Runs one seed. @returns what went wrong, undefined when nothing did */
export function runCoreSeed(seed: number): string | undefined {
  try {
    const world = new CoreWorld(seed);
    for (let step = 0; step < STEPS; step += 1) world.faultyStep();
    return world.makesProgress() ? undefined : "no progress after the faults have stopped";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

class CoreWorld {
  readonly #nodes: WorldNode[];
  readonly #history = new SharedHistory();
  readonly #next: (bound: number) => number;
  #inFlight: PeerMessage[] = [];
  #proposals = 0;
  #reads = 0;
  /** Nodes of the one side of a partition, by bit; 0: there is none. */
  #split = 0;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#next = (bound) => random.nextInt(bound);
    const founded = foundingSnapshot({ voters: FOUNDERS }, bytes("0"));
    const options = this.#drawOptions();
    this.#nodes = MEMBERS.map(
      (id) =>
        new WorldNode({
          id,
          founded: FOUNDERS.includes(id) ? founded : undefined,
          options: { ...options, priority: this.#next(4) === 0 ? 1 : 0 },
          random,
          history: this.#history,
        }),
    );
  }

  faultyStep(): void {
    const node = this.#pick(this.#nodes);
    const dice = this.#next(1000);
    if (dice < 440) this.#deliverAny();
    else if (dice < 560) this.#act(node, () => node.core.tick());
    else if (dice < 700) this.#finishAny((one) => one.pendingWrites, "write");
    else if (dice < 780) this.#finishAny((one) => one.pendingApplies, "apply");
    else if (dice < 850) this.#propose(this.#leaderOr(node));
    else if (dice < 890) this.#read(node);
    else if (dice < 920) this.#changeMembers(this.#leaderOr(node));
    else if (dice < 930) this.#act(node, () => node.core.transferLeadership(this.#pick(MEMBERS)));
    else if (dice < 950) node.compact(this.#next(4));
    else if (dice < 957) node.core.reportUnreachable(this.#pick(MEMBERS));
    else if (dice < 964) node.core.reportSnapshot(this.#pick(MEMBERS), this.#next(2) === 0);
    else if (dice < 970) this.#act(node, () => node.core.forgetLeader());
    else if (dice < 975) this.#split = this.#next(2) === 0 ? 0 : this.#next(2 ** MEMBERS.length);
    else if (dice < 988) this.#crash(node);
    else this.#act(node, () => node.core.campaign());
    this.#keep(node.collect());
    this.#check();
  }

  /** Faults stop: everything is delivered in order, disks and clocks run. @returns whether it helps */
  makesProgress(): boolean {
    this.#split = 0;
    const before = this.#history.appliedCount;
    this.#reportLostSnapshots();
    for (let round = 0; round < 400; round += 1) {
      this.#calmRound();
      const leader = this.#nodes.find((node) => node.core.role === "leader");
      if (leader !== undefined && round % 10 === 9) this.#propose(leader);
      // Whoever leads makes a snapshot now and then, as newcomers may need one that knows them.
      if (leader !== undefined && round % 20 === 19) leader.compact(0);
      if (this.#history.appliedCount >= before + 3) return true;
    }
    return false;
  }

  #calmRound(): void {
    for (const node of this.#nodes) this.#act(node, () => node.core.tick());
    for (let moved = true; moved; ) {
      moved = false;
      const message = this.#inFlight.shift();
      if (message !== undefined) this.#deliver(message);
      for (const node of this.#nodes) {
        this.#keep(node.collect());
        if (node.pendingWrites > 0) moved = true;
        this.#keep(node.finishWrite());
        this.#check();
        node.finishApply();
        this.#check();
      }
      moved ||= message !== undefined;
    }
  }

  /** Settings that differ from seed to seed: small limits, so that each is met often. */
  #drawOptions(): RaftCoreOptions {
    const isStrict = this.#next(3) > 0;
    return {
      electionTicks: 6,
      maxInflightMessages: this.#pick([1, 3, 8]),
      maxAppendBytes: this.#pick([0, 60, 1000]),
      maxApplyingBytes: this.#pick([1, 200]),
      maxUncommittedBytes: this.#pick([12, 1000]),
      preVote: this.#next(4) > 0,
      checkQuorum: this.#next(4) > 0,
      configChangeValidation: isStrict ? "strict" : "lenient",
      maxPromotionLag: this.#pick([2, 20]),
      stepDownOnRemoval: true,
    };
  }

  /** What every host owes its node: the core waits for a snapshot until it is told of its fate. */
  #reportLostSnapshots(): void {
    for (const { core } of this.#nodes) {
      for (const { id, state } of core.status().members) {
        if (state === "snapshot") core.reportSnapshot(id, false);
      }
    }
  }

  /** A disk or a state machine that has something to do does it. */
  #finishAny(pending: (node: WorldNode) => number, what: "write" | "apply"): void {
    const busy = this.#nodes.filter((node) => pending(node) > 0);
    if (busy.length === 0) return;
    const node = this.#pick(busy);
    if (what === "write") this.#keep(node.finishWrite());
    else node.finishApply();
    this.#keep(node.collect());
  }

  /** Somebody who leads, mostly; `node` otherwise. */
  #leaderOr(node: WorldNode): WorldNode {
    const leaders = this.#nodes.filter(({ core }) => core.role === "leader");
    return leaders.length === 0 || this.#next(4) === 0 ? node : this.#pick(leaders);
  }

  #deliverAny(): void {
    if (this.#inFlight.length === 0) return;
    const at = this.#next(Math.min(8, this.#inFlight.length));
    const message = this.#inFlight[at];
    if (message === undefined) return;
    const fate = this.#next(100);
    if (fate >= 4) this.#inFlight.splice(at, 1);
    const isCut = this.#sideOf(message.from) !== this.#sideOf(message.to);
    if (fate >= 9 && !isCut) this.#deliver(message);
  }

  #sideOf(id: number): number {
    return (this.#split >> (id - 1)) & 1;
  }

  #deliver(message: PeerMessage): void {
    const node = this.#nodes[message.to - 1];
    if (node === undefined) return;
    node.core.step(message);
    this.#keep(node.collect());
  }

  #propose(node: WorldNode): void {
    this.#proposals += 1;
    this.#act(node, () => node.core.propose(bytes(`p${this.#proposals}`)));
  }

  #read(node: WorldNode): void {
    this.#reads += 1;
    this.#history.beginRead(this.#reads);
    this.#act(node, () => node.core.readIndex(this.#reads));
  }

  #changeMembers(node: WorldNode): void {
    const one = (): string => `${this.#pick(["v", "v", "l", "r"])}${this.#pick(MEMBERS)}`;
    const text = this.#next(3) === 0 ? `${one()} ${one()}` : one();
    const transition = this.#pick(["auto", "auto", "implicit", "explicit"] as const);
    const isLeaving = this.#next(4) === 0;
    const changes = isLeaving ? [] : parseMemberChanges(text);
    // A host has to know the configuration to change it sensibly: never propose to lose all voters.
    const voters = new Set<number>(node.core.status().config.voters);
    for (const { operation, node: id } of changes) {
      if (operation === "add-voter") voters.add(id);
      else voters.delete(id);
    }
    if (voters.size < 2) return;
    const kind = isLeaving ? "auto" : transition;
    this.#act(node, () => node.core.proposeConfigChange({ transition: kind, changes }));
  }

  #crash(node: WorldNode): void {
    node.crash(this.#next(node.pendingWrites + 1));
    this.#history.forget(node.id);
  }

  /** Calls into a node; a refusal is as good an answer as any. */
  #act(node: WorldNode, call: () => void): void {
    try {
      call();
    } catch (error) {
      const isRefusal = isRaftError(error) && error.code !== "RAFT_INVARIANT";
      if (!isRefusal) throw error;
    }
    this.#keep(node.collect());
  }

  #keep(messages: readonly PeerMessage[]): void {
    this.#inFlight.push(...messages);
    const excess = this.#inFlight.length - MAX_IN_FLIGHT;
    if (excess > 0) this.#inFlight.splice(0, excess);
  }

  #check(): void {
    for (const node of this.#nodes) this.#history.checkNode(node, this.#nodes);
  }

  #pick<T>(from: readonly T[]): T {
    const one = from[this.#next(from.length)];
    demand(one !== undefined, "nothing to pick from");
    return one as T;
  }
}
