/**
 * Groups under random loss, delay, repetition, reordering, partitions, slow disks, crashes, membership
 * changes, transfers and compaction, with every safety property checked after each step, and progress
 * demanded once the faults stop. The core alone, so that thousands of steps take milliseconds; the
 * simulator of `src/sim` runs whole hosts.
 */

import {
  foundingSnapshot,
  isRaftError,
  type MemberChange,
  type PeerMessage,
  parseMemberChanges,
  type RaftCoreOptions,
} from "../../src/core/index.js";
import { seededRandom } from "../support/seeded-random.js";
import { bytes } from "../support/test-node.js";
import { type Action, drawAction, PROFILES } from "./profiles.js";
import { demand, SharedHistory } from "./shared-history.js";
import { WorldNode } from "./world-node.js";

const STEPS = 3000;
const MEMBERS = [1, 2, 3, 4, 5];
const FOUNDERS = [1, 2, 3];
const MAX_IN_FLIGHT = 400;

/** What went wrong in a run. */
export interface CoreViolation {
  readonly violation: string;
  /** An assertion of the core itself noticed it. */
  readonly isSelfReported: boolean;
}

/** Runs one seed. @returns what went wrong, undefined when nothing did */
export function runCoreSeed(seed: number): CoreViolation | undefined {
  try {
    const world = new CoreWorld(seed);
    for (let step = 0; step < STEPS; step += 1) world.faultyStep();
    const violation = world.whatStandsStill();
    return violation === undefined ? undefined : { violation, isSelfReported: false };
  } catch (error) {
    const violation = error instanceof Error ? error.message : String(error);
    return { violation, isSelfReported: isRaftError(error) };
  }
}

class CoreWorld {
  readonly #nodes: WorldNode[];
  readonly #history: SharedHistory;
  readonly #options: RaftCoreOptions;
  readonly #next: (bound: number) => number;
  #inFlight: PeerMessage[] = [];
  #proposals = 0;
  #reads = 0;
  /** Nodes of the one side of a partition, by bit; 0: there is none. */
  #split = 0;
  /** Links on which nothing arrives for now, though nothing is lost: `from * 8 + to`. */
  readonly #held = new Set<number>();
  /** The node whose disk hangs; 0: none. */
  #stalled = 0;
  readonly #weights: (typeof PROFILES)[number];
  readonly #actions: Readonly<Record<Action, (node: WorldNode) => void>> = {
    deliver: () => this.#deliverAny(),
    tick: (node) => this.#act(node, () => node.core.tick()),
    write: () => this.#finishAny((one) => one.pendingWrites, "write"),
    apply: () => this.#finishAny((one) => one.pendingApplies, "apply"),
    propose: (node) => this.#propose(this.#leaderOr(node)),
    read: (node) => this.#read(node),
    "change-members": (node) => this.#changeMembers(this.#leaderOr(node)),
    transfer: (node) => this.#act(node, () => node.core.transferLeadership(this.#pick(MEMBERS))),
    compact: (node) => node.compact(this.#next(4)),
    unreachable: (node) => node.core.reportUnreachable(this.#pick(MEMBERS)),
    "snapshot-status": (node) => node.core.reportSnapshot(this.#pick(MEMBERS), this.#next(2) === 0),
    "forget-leader": (node) => this.#act(node, () => node.core.forgetLeader()),
    split: () => {
      this.#split = this.#next(3) === 0 ? 0 : this.#next(2 ** MEMBERS.length);
    },
    hold: (node) => this.#holdLinks(node.id),
    "stall-disk": (node) => {
      this.#stalled = this.#next(2) === 0 ? 0 : node.id;
    },
    crash: (node) => this.#crash(node),
    campaign: (node) => this.#act(node, () => node.core.campaign()),
  };

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#next = (bound) => random.nextInt(bound);
    const founded = foundingSnapshot({ voters: FOUNDERS }, bytes("0"));
    this.#weights = this.#pick(PROFILES);
    const options = this.#drawOptions();
    this.#options = options;
    this.#history = new SharedHistory(options.configChangeValidation === "strict");
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
    this.#actions[drawAction(this.#weights, this.#next)](node);
    this.#keep(node.collect());
    this.#check();
  }

  /**
   * Faults stop: everything is delivered in order, disks and clocks run. Then a leader commits what it
   * inherited though nobody proposes anything, new proposals are applied, all members catch up, and
   * whoever leads stays leader.
   * @returns what does not come about
   */
  whatStandsStill(): string | undefined {
    this.#split = 0;
    this.#held.clear();
    this.#stalled = 0;
    if (!this.#until(() => this.#settledLeader() !== undefined)) {
      return "nobody leads and has committed what it has";
    }
    const before = this.#history.appliedCount;
    if (!this.#until(() => this.#history.appliedCount >= before + 3, { proposes: true })) {
      return "nothing more is applied";
    }
    if (!this.#until(() => this.#haveAllCaughtUp())) return "not all members catch up";
    const leader = this.#settledLeader();
    const isStable = this.#options.checkQuorum === true && leader !== undefined;
    if (isStable && this.#until(() => leader.core.role !== "leader", { rounds: 40 })) {
      return "the leader is deposed in peace";
    }
    return undefined;
  }

  /** Lets calm rounds pass until `isThere`. */
  #until(isThere: () => boolean, { proposes = false, rounds = 400 } = {}): boolean {
    for (let round = 0; round < rounds; round += 1) {
      this.#calmRound();
      const leader = this.#nodes.find((node) => node.core.role === "leader");
      if (leader !== undefined && round % 10 === 9) {
        this.#reportLostSnapshots();
        if (proposes) this.#propose(leader);
      }
      if (leader?.isSnapshotNeeded === true) leader.compact(0);
      if (isThere()) return true;
    }
    return false;
  }

  /** Somebody whom all voters follow, and who has applied all that it has. */
  #settledLeader(): WorldNode | undefined {
    return this.#nodes.find(({ id, core }) => {
      const { role, commitIndex, appliedIndex, lastIndex, config } = core.status();
      const isFollowed = config.voters.every((voter) => {
        const peer = this.#nodes[voter - 1]?.core;
        return peer?.leader === id && peer.term === core.term;
      });
      const isSettled = commitIndex === lastIndex && appliedIndex === lastIndex;
      return role === "leader" && isFollowed && isSettled;
    });
  }

  /** Members do: who was removed may campaign in vain. */
  #haveAllCaughtUp(): boolean {
    const leader = this.#settledLeader();
    if (leader === undefined) return false;
    const { voters, votersOutgoing, learners } = leader.core.status().config;
    return [...voters, ...votersOutgoing, ...learners].every((id) => {
      return this.#nodes[id - 1]?.core.appliedIndex === leader.core.lastIndex;
    });
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
    const isStrict = this.#next(4) > 0;
    return {
      electionTicks: 6,
      maxInflightMessages: this.#pick([1, 3, 8]),
      maxAppendBytes: this.#pick([0, 60, 1000]),
      maxApplyingBytes: this.#pick([1, 200]),
      maxUncommittedBytes: this.#pick([12, 1000]),
      preVote: this.#next(2) > 0,
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
    const isStuck = (node: WorldNode): boolean => what === "write" && node.id === this.#stalled;
    const busy = this.#nodes.filter((node) => pending(node) > 0 && !isStuck(node));
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
    // Mostly one of the oldest; now and then any, so that others come late.
    const reach = this.#next(8) === 0 ? this.#inFlight.length : 8;
    const at = this.#next(Math.min(reach, this.#inFlight.length));
    const message = this.#inFlight[at];
    if (message === undefined || this.#held.has(message.from * 8 + message.to)) return;
    const fate = this.#next(100);
    if (fate >= 4) this.#inFlight.splice(at, 1);
    const isCut = this.#sideOf(message.from) !== this.#sideOf(message.to);
    if (fate >= 9 && !isCut) this.#deliver(message);
  }

  /** Nothing arrives at the node, or nothing from it; or everything does again. */
  #holdLinks(id: number): void {
    if (this.#next(2) === 0) {
      this.#held.clear();
      return;
    }
    const isInward = this.#next(2) === 0;
    for (const other of MEMBERS) this.#held.add(isInward ? other * 8 + id : id * 8 + other);
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
    if (voters.size === 0 || node.core.role !== "leader") return;
    const kind = isLeaving ? "auto" : transition;
    this.#act(node, () => {
      const { isLocal } = node.core.proposeConfigChange({ transition: kind, changes });
      if (isLocal) this.#checkPromotions(node, changes);
    });
  }

  /** A strict leader takes no learner for a voter that lags far behind. */
  #checkPromotions(leader: WorldNode, changes: readonly MemberChange[]): void {
    if (this.#options.configChangeValidation !== "strict") return;
    const { members, lastIndex } = leader.core.status();
    for (const { operation, node } of changes) {
      const member = members.find(({ id }) => id === node);
      if (operation !== "add-voter" || member?.isLearner !== true) continue;
      const lag = lastIndex - 1 - member.match;
      demand(lag <= (this.#options.maxPromotionLag ?? 0), `${node} is promoted, ${lag} behind`);
    }
  }

  #crash(node: WorldNode): void {
    node.crash(this.#next(node.pendingWrites + 1));
    this.#history.forget(node);
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
