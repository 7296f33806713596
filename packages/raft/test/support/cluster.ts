/** Several nodes and the links between them, each of which can be cut, one way or both. */

import type { MessageType, PeerMessage, RaftCoreOptions } from "../../src/core/index.js";
import { seededRandom } from "./seeded-random.js";
import { TestNode, type TestNodeInit } from "./test-node.js";

export class Cluster {
  readonly nodes = new Map<number, TestNode>();
  readonly #cuts = new Set<string>();
  readonly #lostTypes = new Set<MessageType>();
  #inFlight: PeerMessage[] = [];

  constructor(inits: readonly TestNodeInit[]) {
    for (const init of inits) this.nodes.set(init.id, new TestNode(init));
  }

  /** `count` voters with the same settings, numbered from 1. */
  static of(count: number, options: RaftCoreOptions = {}, log: readonly number[] = []): Cluster {
    const voters = Array.from({ length: count }, (_, i) => i + 1);
    const random = seededRandom(count);
    return new Cluster(voters.map((id) => ({ id, voters, options, log, random })));
  }

  node(id: number): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  add(init: TestNodeInit): TestNode {
    const node = new TestNode(init);
    this.nodes.set(init.id, node);
    return node;
  }

  /** Messages go on their way, and to their ends, until nothing moves. */
  settle(...messages: readonly PeerMessage[]): void {
    this.#inFlight.push(...messages);
    for (const node of this.nodes.values()) this.#inFlight.push(...node.drain());
    for (let steps = 0; this.#inFlight.length > 0; steps += 1) {
      if (steps > 100_000) throw new Error("the cluster does not come to rest");
      const message = this.#inFlight.shift();
      if (message === undefined || this.#isLost(message)) continue;
      const node = this.nodes.get(message.to);
      if (node !== undefined) this.#inFlight.push(...node.step(message));
    }
  }

  campaign(id: number): void {
    this.node(id).core.campaign();
    this.settle();
  }

  propose(id: number, text: string): void {
    this.settle(...this.node(id).propose(text));
  }

  tick(id: number, count = 1): void {
    for (let i = 0; i < count; i += 1) this.settle(...this.node(id).tick());
  }

  /** Everyone's clock runs, evenly. */
  tickAll(count = 1): void {
    for (let i = 0; i < count; i += 1) for (const id of this.nodes.keys()) this.tick(id);
  }

  cutOneWay(from: number, to: number): void {
    this.#cuts.add(`${from}>${to}`);
  }

  cut(a: number, b: number): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  isolate(id: number): void {
    for (const other of this.nodes.keys()) if (other !== id) this.cut(id, other);
  }

  lose(type: MessageType): void {
    this.#lostTypes.add(type);
  }

  heal(): void {
    this.#cuts.clear();
    this.#lostTypes.clear();
  }

  /** The one leader of the highest term. */
  leader(): TestNode | undefined {
    const leaders = [...this.nodes.values()].filter((node) => node.core.status().role === "leader");
    return leaders.sort((a, b) => b.core.status().term - a.core.status().term)[0];
  }

  #isLost(message: PeerMessage): boolean {
    return this.#lostTypes.has(message.type) || this.#cuts.has(`${message.from}>${message.to}`);
  }
}
