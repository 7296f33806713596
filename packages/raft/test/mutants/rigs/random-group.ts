/** A small group of cores whose disks and state machines are at once done; what is sent comes when it likes. */

import {
  isRaftError,
  type PeerMessage,
  parseMemberChanges,
  type RaftCoreOptions,
  toLogIndex,
} from "../../../src/core/index.js";
import { demand } from "../../core-world/shared-history.js";
import { seededRandom } from "../../support/seeded-random.js";
import { TestNode } from "../../support/test-node.js";

const NODES = [1, 2, 3, 4, 5];
const MAX_IN_FLIGHT = 120;
const CALM_ROUNDS = 400;

interface Read {
  readonly node: number;
  readonly term: number;
  readonly floor: number;
}

export class RandomGroup {
  readonly next: (bound: number) => number;
  readonly nodes: readonly TestNode[];
  readonly #reads = new Map<number, Read>();
  #inFlight: PeerMessage[] = [];
  /** Nodes of the one side of a partition, by bit. */
  #split = 0;
  #down: ReadonlySet<number> = new Set();
  #count = 0;

  constructor(seed: number, init: { voters: number[]; learners?: number[] } & RaftCoreOptions) {
    const random = seededRandom(seed);
    this.next = (bound) => random.nextInt(bound);
    const { voters, learners = [], ...options } = init;
    this.nodes = NODES.map((id) => new TestNode({ id, voters, learners, options, random }));
  }

  pick(): TestNode {
    return this.pickOf(this.nodes);
  }

  pickOf<T>(from: readonly T[]): T {
    return from[this.next(from.length)] as T;
  }

  /** Whether somebody's log changes the members behind `index`. */
  hasChangeAfter(index: number): boolean {
    const first = toLogIndex(index + 1);
    return this.nodes.some(({ storage }) => {
      const end = toLogIndex(storage.lastIndex() + 1);
      if (first >= end) return false;
      const entries = storage.entries(first, end, Number.POSITIVE_INFINITY);
      return entries.some(({ type }) => type !== "normal");
    });
  }

  leader(): TestNode | undefined {
    const leaders = this.nodes.filter(({ core }) => core.role === "leader");
    return leaders[this.next(leaders.length || 1)];
  }

  /** A refusal is as good an answer as any. */
  act(node: TestNode, call: () => void): void {
    try {
      call();
    } catch (error) {
      if (!isRaftError(error) || error.code === "RAFT_INVARIANT") throw error;
    }
    this.#keep(node);
  }

  campaign(): void {
    const node = this.pick();
    this.act(node, () => node.core.campaign());
  }

  tick(): void {
    const node = this.pick();
    this.act(node, () => node.core.tick());
  }

  propose(node = this.leader()): void {
    if (node !== undefined) this.act(node, () => node.core.propose(Uint8Array.of(1)));
  }

  changeMembers(text: string, transition: "auto" | "explicit"): void {
    const node = this.leader();
    if (node === undefined) return;
    const changes = text === "" ? [] : parseMemberChanges(text);
    this.act(node, () => node.core.proposeConfigChange({ transition, changes }));
  }

  split(side = this.next(3) === 0 ? 0 : this.next(2 ** NODES.length)): void {
    this.#split = side;
  }

  deliverSome(most: number): void {
    for (let left = this.next(most + 1); left > 0; left -= 1) this.deliver();
  }

  deliver(): void {
    if (this.#inFlight.length === 0) return;
    const at = this.next(this.#inFlight.length);
    const message = this.#inFlight[at];
    // What is on the other side waits.
    if (message === undefined || this.#sideOf(message.from) !== this.#sideOf(message.to)) return;
    this.#inFlight.splice(at, 1);
    if (this.next(20) > 0) this.#step(message);
  }

  #sideOf(id: number): number {
    return (this.#split >> (id - 1)) & 1;
  }

  #step(message: PeerMessage): void {
    const node = this.nodes[message.to - 1];
    if (node === undefined || this.#down.has(message.to)) return;
    node.core.step(message);
    this.#keep(node);
  }

  #keep(node: TestNode): void {
    this.#inFlight.push(...node.drain());
    while (this.#inFlight.length > MAX_IN_FLIGHT) {
      this.#inFlight.splice(this.next(this.#inFlight.length), 1);
    }
    for (const { context, index } of node.readStates.splice(0))
      this.#answered(node, context, index);
  }

  read(): void {
    const node = this.leader();
    if (node === undefined) return;
    this.#count += 1;
    const floor = Math.max(...this.nodes.map(({ core }) => core.commitIndex));
    this.#reads.set(this.#count, { node: node.id, term: node.core.term, floor });
    const context = this.#count;
    this.act(node, () => node.core.readIndex(context));
  }

  /** A read sees all that was committed before it, and ends with the leadership that it began under. */
  #answered(node: TestNode, context: number, index: number): void {
    const read = this.#reads.get(context);
    demand(read !== undefined, `nobody has asked for read ${context}`);
    demand(index >= (read?.floor ?? 0), `read ${context} is stale`);
    const { term } = node.core;
    demand(
      term === read?.term,
      `read ${context} of term ${read?.term} is answered in term ${term}`,
    );
  }

  /** Nothing ever comes from these nodes again. */
  takeDown(ids: ReadonlySet<number>): void {
    this.#down = ids;
    this.#split = 0;
    this.#inFlight = this.#inFlight.filter(({ from, to }) => !ids.has(from) && !ids.has(to));
  }

  /** Whether, with nothing lost any more, somebody comes to lead and to commit. */
  worksAgain(): boolean {
    const up = this.nodes.filter(({ id }) => !this.#down.has(id));
    const before = Math.max(...this.nodes.map(({ core }) => core.lastIndex));
    for (let round = 0; round < CALM_ROUNDS; round += 1) {
      for (const node of up) this.act(node, () => node.core.tick());
      for (let steps = 0; this.#inFlight.length > 0 && steps < 2000; steps += 1) {
        const message = this.#inFlight.shift();
        if (message !== undefined) this.#step(message);
      }
      if (round % 10 === 9)
        for (const node of up) if (node.core.role === "leader") this.propose(node);
      if (up.some(({ core }) => core.commitIndex > before)) return true;
    }
    return false;
  }
}
