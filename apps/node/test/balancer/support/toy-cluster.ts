/** A cluster of groups that do at once what they are told, or do not: what the balancer is tested on. */
import type { ClusterFacts, ShardFacts, Step } from "../../../src/balancer/facts.js";
import type { ClusterMap, MapNode } from "../../../src/cluster/cluster-map.js";

interface ToyShard {
  leader: number;
  voters: number[];
  learners: number[];
  /** Entries that a learner is behind; what `tick` lessens. */
  lag: Map<number, number>;
}

export class ToyCluster {
  map: ClusterMap;
  readonly shards: ToyShard[];
  readonly down = new Set<number>();
  readonly silentMs = new Map<number, number>();
  /** Members that a shard lost, over time: to see that nothing moves needlessly. */
  moves = 0;

  constructor(nodes: readonly MapNode[], shards: number, replicationFactor: number) {
    const first = nodes.slice(0, replicationFactor).map(({ number }) => number);
    this.map = {
      clusterId: "toy",
      epoch: 1,
      replicationFactor,
      virtualNodes: 16,
      nodes,
      shards: Array.from({ length: shards }, (_, shard) => ({
        shard,
        start: (BigInt(shard) * (2n ** 64n / BigInt(shards))).toString(16).padStart(16, "0"),
        replicas: first,
        founders: first,
        move: undefined,
      })),
      keyspaces: [],
      droppedKeyspaces: [],
      nextNodeNumber: nodes.length + 1,
      nextKeyspaceNumber: 2,
      isBalancerPaused: false,
    };
    this.shards = this.map.shards.map(() => ({
      leader: first[0] ?? 0,
      voters: [...first],
      learners: [],
      lag: new Map(),
    }));
  }

  /** Time passes: learners catch up, groups whose leader is down elect another if they can. */
  tick(ms: number): void {
    for (const { number } of this.map.nodes) {
      if (this.down.has(number)) this.silentMs.set(number, (this.silentMs.get(number) ?? 0) + ms);
      else this.silentMs.delete(number);
    }
    for (const shard of this.shards) {
      for (const [node, lag] of shard.lag)
        if (!this.down.has(node)) shard.lag.set(node, Math.max(0, lag - 800));
      const alive = shard.voters.filter((node) => !this.down.has(node));
      if (this.down.has(shard.leader) && alive.length * 2 > shard.voters.length)
        shard.leader = alive[0] ?? 0;
    }
  }

  facts(settling: ReadonlySet<number> = new Set()): ClusterFacts {
    const groups = new Map<number, ShardFacts>();
    for (const [number, shard] of this.shards.entries()) {
      const { leader, voters, learners } = shard;
      const alive = voters.filter((node) => !this.down.has(node));
      if (this.down.has(leader) || alive.length * 2 <= voters.length) continue;
      const lag = new Map([...voters, ...learners].map((node) => [node, shard.lag.get(node) ?? 0]));
      groups.set(number, {
        leader,
        voters: [...voters],
        votersOutgoing: [],
        learners: [...learners],
        lag,
      });
    }
    const up = this.map.nodes.filter(({ number }) => !this.down.has(number));
    return {
      map: this.map,
      shards: groups,
      reachable: new Set(up.map(({ number }) => number)),
      silentMs: this.silentMs,
      settling,
    };
  }

  perform(step: Step): void {
    switch (step.type) {
      case "begin-move":
        this.moves += 1;
        return this.#changeShard(step.shard, { move: { add: step.add, remove: step.remove } });
      case "finish-move":
        return this.#changeShard(step.shard, { move: undefined, replicas: step.replicas });
      case "prefer":
        return this.#changeShard(step.shard, { replicas: step.replicas });
      case "drain":
        return this.setState(step.node, "draining");
      case "mark-left":
        return this.setState(step.node, "left");
      case "add-learner": {
        const shard = this.#shard(step.shard);
        shard.learners.push(step.node);
        shard.lag.set(step.node, 3000);
        return undefined;
      }
      case "change-voters":
        return this.#changeVoters(step);
      case "transfer-leader":
        this.#shard(step.shard).leader = step.to;
        return undefined;
    }
  }

  setState(number: number, state: MapNode["state"]): void {
    const nodes = this.map.nodes.map((node) =>
      node.number === number ? { ...node, state } : node,
    );
    this.map = { ...this.map, epoch: this.map.epoch + 1, nodes };
  }

  addNode(node: MapNode): void {
    this.map = { ...this.map, epoch: this.map.epoch + 1, nodes: [...this.map.nodes, node] };
  }

  #changeVoters({ shard: number, add, remove }: Step & { readonly type: "change-voters" }): void {
    const shard = this.#shard(number);
    if (add !== undefined && !shard.learners.includes(add)) throw new Error(`${add} is no learner`);
    if (add !== undefined && (shard.lag.get(add) ?? 0) > 1000) throw new Error(`${add} lags`);
    shard.learners = shard.learners.filter((node) => node !== add && node !== remove);
    shard.voters = shard.voters.filter((node) => node !== remove);
    if (add !== undefined) shard.voters.push(add);
    if (shard.leader === remove) {
      shard.leader = shard.voters.find((node) => !this.down.has(node)) ?? shard.leader;
    }
  }

  #changeShard(number: number, change: object): void {
    const shards = this.map.shards.map((one) =>
      one.shard === number ? { ...one, ...change } : one,
    );
    this.map = { ...this.map, epoch: this.map.epoch + 1, shards };
  }

  #shard(number: number): ToyShard {
    const shard = this.shards[number];
    if (shard === undefined) throw new Error(`no shard ${number}`);
    return shard;
  }
}

export function toyNode(number: number, more: Partial<MapNode> = {}): MapNode {
  return {
    number,
    id: `node${number}`,
    grpcAddr: `127.0.0.1:${7000 + number}`,
    raftAddr: `127.0.0.1:${8000 + number}`,
    zone: "",
    weight: 1,
    state: "active",
    joinToken: "",
    ...more,
  };
}
