/** What befalls the nodes and their network, one thing after another. The seed decides what, to whom and when. */
import type { SeededRandom } from "@titan/raft/testing";
import type { ClusterNode, ProcessCluster } from "@titan/testkit";

const MIN_CALM_MS = 200;
const MAX_CALM_MS = 2_500;
const MAX_DOWN_MS = 3_000;
const MAX_TROUBLE_MS = 5_000;
const MAX_DELAY_MS = 150;

/** How often each was done. */
export type Deeds = Readonly<Record<string, number>>;

interface Deed {
  readonly name: string;
  /** Of all deeds. */
  readonly share: number;
  run(): Promise<void>;
}

export class Nemesis {
  readonly #cluster: ProcessCluster;
  readonly #random: SeededRandom;
  readonly #deeds: readonly Deed[];
  readonly #done = new Map<string, number>();

  constructor(cluster: ProcessCluster, random: SeededRandom) {
    this.#cluster = cluster;
    this.#random = random;
    this.#deeds = [
      { name: "kill -9", share: 5, run: () => this.#restart([this.#victim()]) },
      { name: "kill -9 of a majority", share: 2, run: () => this.#restart(this.#majority()) },
      { name: "kill -9 of all", share: 1, run: () => this.#restart(this.#cluster.nodes) },
      { name: "SIGTERM and restart", share: 1, run: () => this.#stopGently() },
      { name: "SIGSTOP", share: 4, run: () => this.#freeze([this.#victim()]) },
      { name: "SIGSTOP of a majority", share: 1, run: () => this.#freeze(this.#majority()) },
      { name: "node cut off", share: 3, run: () => this.#cutOff() },
      { name: "way to a node blocked", share: 2, run: () => this.#blockOneWay("to") },
      { name: "way from a node blocked", share: 2, run: () => this.#blockOneWay("from") },
      { name: "pair parted", share: 2, run: () => this.#partPair() },
      { name: "slow links", share: 1, run: () => this.#slow() },
      { name: "connections reset", share: 2, run: () => this.#sever() },
    ];
  }

  get done(): Deeds {
    return Object.fromEntries(this.#done);
  }

  async runUntil(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      await this.#wait(MIN_CALM_MS, MAX_CALM_MS);
      const deed = this.#choose();
      this.#done.set(deed.name, (this.#done.get(deed.name) ?? 0) + 1);
      await deed.run();
    }
  }

  #choose(): Deed {
    const [first, ...others] = this.#deeds;
    if (first === undefined) throw new Error("nothing to do");
    const all = this.#deeds.reduce((sum, { share }) => sum + share, 0);
    let rest = this.#random.nextInt(all) - first.share;
    let chosen = first;
    for (const deed of others) {
      if (rest < 0) break;
      chosen = deed;
      rest -= deed.share;
    }
    return chosen;
  }

  #victim(): ClusterNode {
    return this.#random.pick(this.#cluster.nodes);
  }

  #majority(): readonly ClusterNode[] {
    const spared = Math.floor((this.#cluster.nodes.length - 1) / 2);
    const nodes = [...this.#cluster.nodes];
    for (let count = 0; count < spared; count += 1) {
      nodes.splice(this.#random.nextInt(nodes.length), 1);
    }
    return nodes;
  }

  async #restart(victims: readonly ClusterNode[]): Promise<void> {
    await Promise.all(victims.map(({ process }) => process.kill()));
    await this.#wait(0, MAX_DOWN_MS);
    for (const { process } of victims) process.start();
    // Often before it serves again: recovery is where it hurts.
    if (this.#random.isChance(30)) return;
    await this.#wait(0, MAX_DOWN_MS);
  }

  async #stopGently(): Promise<void> {
    const { process } = this.#victim();
    await process.terminate();
    process.start();
  }

  async #freeze(victims: readonly ClusterNode[]): Promise<void> {
    for (const { process } of victims) process.pause();
    await this.#wait(MIN_CALM_MS, MAX_TROUBLE_MS);
    for (const { process } of victims) process.resume();
  }

  async #cutOff(): Promise<void> {
    const [place, others] = this.#onePlace();
    await this.#trouble(() => this.#cluster.network.part([place], others));
  }

  async #blockOneWay(way: "to" | "from"): Promise<void> {
    const [place, others] = this.#onePlace();
    await this.#trouble(() => {
      for (const other of others) {
        if (way === "to") this.#cluster.network.block(other, place);
        else this.#cluster.network.block(place, other);
      }
    });
  }

  async #partPair(): Promise<void> {
    const [place, others] = this.#onePlace();
    await this.#trouble(() => this.#cluster.network.part([place], [this.#random.pick(others)]));
  }

  async #slow(): Promise<void> {
    const [place, others] = this.#onePlace();
    await this.#trouble(() => {
      for (const other of others) {
        this.#cluster.network.delay(place, other, this.#random.nextInt(MAX_DELAY_MS));
        this.#cluster.network.delay(other, place, this.#random.nextInt(MAX_DELAY_MS));
      }
    });
  }

  #sever(): Promise<void> {
    const [place] = this.#onePlace();
    this.#cluster.network.sever(place);
    return Promise.resolve();
  }

  async #trouble(begin: () => void): Promise<void> {
    begin();
    await this.#wait(MIN_CALM_MS, MAX_TROUBLE_MS);
    this.#cluster.network.heal();
  }

  #onePlace(): readonly [number, readonly number[]] {
    const places = this.#cluster.nodes.map((_, place) => place);
    const place = this.#random.pick(places);
    return [place, places.filter((other) => other !== place)];
  }

  #wait(least: number, most: number): Promise<void> {
    const ms = this.#random.between(least, most);
    return new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  }
}
