/**
 * Groups under random loss, delay, repetition, reordering, crashes, membership changes, transfers
 * and compaction, with every safety property checked after each step, and progress demanded once
 * the faults stop. A small one of its kind; it says what the core owes to everybody.
 *
 * Rerun a failure with TITAN_SEED; TITAN_RUNS says how many seeds to try.
 */

import { expect, test } from "vitest";
import {
  type Entry,
  foundingSnapshot,
  type PeerMessage,
  parseMemberChanges,
} from "../src/core/index.js";
import { seededRandom, testSeed } from "./support/seeded-random.js";
import { bytes, TestNode } from "./support/test-node.js";

const RUNS = Number(process.env["TITAN_RUNS"] || 40);
const STEPS = 3000;
const MEMBERS = [1, 2, 3, 4, 5];
const FOUNDERS = [1, 2, 3];
const FOUNDED = { snapshot: foundingSnapshot({ voters: FOUNDERS }) };

class World {
  readonly nodes: TestNode[];
  readonly #next: (bound: number) => number;
  #inFlight: PeerMessage[] = [];
  #proposals = 0;
  #reads = 0;
  /** Who led each term. */
  readonly #leaders = new Map<number, number>();
  /** What was applied at each index, by anyone. */
  readonly #applied = new Map<number, string>();
  #highestApplied = 0;
  readonly #checked = new Map<number, number>();
  /** Highest index that anyone had applied when a read was asked for, by its context. */
  readonly #readFloors = new Map<number, number>();

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#next = (bound) => random.nextInt(bound);
    const options = {
      electionTicks: 6,
      maxInflightMessages: 3,
      maxAppendBytes: 60,
      maxApplyingBytes: 200,
    };
    this.nodes = MEMBERS.map(
      (id) =>
        new TestNode({
          id,
          voters: [],
          options,
          random,
          ...(FOUNDERS.includes(id) ? FOUNDED : {}),
        }),
    );
  }

  faultyStep(): void {
    const node = this.#pick(this.nodes);
    const dice = this.#next(100);
    if (dice < 60) this.#deliverAny();
    else if (dice < 80) this.#keep(node.tick());
    else if (dice < 88) this.#propose(node);
    else if (dice < 91) this.#read(node);
    else if (dice < 93) this.#changeMembers(node);
    else if (dice < 94) this.#attempt(() => node.core.transferLeadership(this.#pick(MEMBERS)));
    else if (dice < 96) this.#compact(node);
    else if (dice < 97) node.core.reportUnreachable(this.#pick(MEMBERS));
    else if (dice < 98) node.core.reportSnapshot(this.#pick(MEMBERS), this.#next(2) === 0);
    else if (dice < 99) this.#attempt(() => node.core.forgetLeader());
    else node.restart(this.#lastApplied(node));
    this.#keep(node.drain());
    this.#check();
  }

  /** No more faults: everything is delivered in order, all clocks run. */
  calmRound(): void {
    for (const node of this.nodes) this.#keep(node.tick());
    while (this.#inFlight.length > 0) {
      const message = this.#inFlight.shift();
      if (message !== undefined) this.#deliver(message);
      this.#check();
    }
  }

  /** Proposes until someone has applied it. @returns whether that came to pass */
  makesProgress(): boolean {
    const before = this.#applied.size;
    this.#reportLostSnapshots();
    for (let round = 0; round < 400; round += 1) {
      this.calmRound();
      const leader = this.nodes.find((node) => node.core.status().role === "leader");
      if (leader !== undefined && round % 10 === 9) this.#propose(leader);
      // Whoever leads makes a snapshot now and then, as newcomers may need one that knows them.
      if (leader !== undefined && round % 20 === 19) this.#compact(leader);
      if (this.#applied.size >= before + 3) return true;
    }
    return false;
  }

  /** What every host owes its node: the core waits for a snapshot until it is told of its fate. */
  #reportLostSnapshots(): void {
    for (const { core } of this.nodes) {
      for (const { id, state } of core.status().members) {
        if (state === "snapshot") core.reportSnapshot(id, false);
      }
    }
  }

  #deliverAny(): void {
    if (this.#inFlight.length === 0) return;
    const at = this.#next(Math.min(8, this.#inFlight.length));
    const message = this.#inFlight[at];
    if (message === undefined) return;
    const fate = this.#next(100);
    if (fate >= 4) this.#inFlight.splice(at, 1);
    if (fate >= 9) this.#deliver(message);
  }

  #deliver(message: PeerMessage): void {
    const node = this.nodes[message.to - 1];
    if (node !== undefined) this.#keep(node.step(message));
  }

  #propose(node: TestNode): void {
    this.#proposals += 1;
    this.#attempt(() => node.core.propose(bytes(`p${this.#proposals}`)));
  }

  #read(node: TestNode): void {
    this.#reads += 1;
    const context = this.#reads;
    this.#readFloors.set(context, this.#highestApplied);
    this.#attempt(() => node.core.readIndex(context));
  }

  #changeMembers(node: TestNode): void {
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
    this.#attempt(() => node.core.proposeConfigChange({ transition: kind, changes }));
  }

  #compact(node: TestNode): void {
    const { appliedIndex, firstIndex, config } = node.core.status();
    if (appliedIndex >= firstIndex && config.voters.length > 0) node.compact();
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      expect(error).toMatchObject({ name: "RaftError", outcome: "not-applied" });
      expect(error).not.toMatchObject({ code: "RAFT_INVARIANT" });
    }
  }

  #keep(messages: readonly PeerMessage[]): void {
    this.#inFlight.push(...messages);
    if (this.#inFlight.length > 400) this.#inFlight.splice(0, this.#inFlight.length - 400);
  }

  #lastApplied(node: TestNode): number {
    return node.core.status().appliedIndex;
  }

  #check(): void {
    for (const node of this.nodes) {
      const { role, term, appliedIndex, commitIndex, lastIndex } = node.core.status();
      if (role === "leader") {
        // Election safety: at most one leader per term.
        demand((this.#leaders.get(term) ?? node.id) === node.id, `two leaders in term ${term}`);
        this.#leaders.set(term, node.id);
      }
      demand(appliedIndex <= commitIndex && commitIndex <= lastIndex, "applied <= commit <= last");
      this.#checkApplied(node);
      this.#checkReads(node);
    }
  }

  /** State machine safety: whoever applies an index applies the same entry. */
  #checkApplied(node: TestNode): void {
    const from = this.#checked.get(node.id) ?? 0;
    for (const entry of node.applied.slice(from)) {
      const text = describe(entry);
      const other = this.#applied.get(entry.index) ?? text;
      demand(other === text, `index ${entry.index} applied as ${other} and as ${text}`);
      this.#applied.set(entry.index, text);
      this.#highestApplied = Math.max(this.#highestApplied, entry.index);
    }
    this.#checked.set(node.id, node.applied.length);
  }

  /** Linearizable reads: never below what anyone had applied when the read began. */
  #checkReads(node: TestNode): void {
    for (const { context, index } of node.readStates.splice(0)) {
      demand(index >= (this.#readFloors.get(context) ?? 0), `read ${context} is stale`);
    }
  }

  #pick<T>(from: readonly T[]): T {
    const one = from[this.#next(from.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  }
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function describe(entry: Entry): string {
  return `${entry.term} ${entry.type} ${[...entry.data].join(",")}`;
}

test(
  `${RUNS} random groups stay safe, and move again once faults stop`,
  () => {
    const first = testSeed();
    for (let run = 0; run < RUNS; run += 1) {
      const seed = first + run;
      try {
        const world = new World(seed);
        for (let step = 0; step < STEPS; step += 1) world.faultyStep();
        expect(world.makesProgress(), "progress after the faults").toBe(true);
      } catch (error) {
        throw new Error(`TITAN_SEED=${seed} TITAN_RUNS=1 shows it`, { cause: error });
      }
    }
  },
  Math.max(120_000, RUNS * 3_000),
);
