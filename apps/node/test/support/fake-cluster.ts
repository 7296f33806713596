/**
 * Nodes that route to each other with shards that are played: each has one state, which all its replicas show, a
 * leader that a test names, and a log. What goes wrong is up to the test.
 */
import { SeededRandom, VirtualClock } from "@titan/raft/testing";
import { TokenRanges } from "@titan/ring";
import type { ClusterMap } from "../../src/cluster/cluster-map.js";
import type { Entry } from "../../src/kv/entry.js";
import { KvError } from "../../src/kv/kv-error.js";
import { toRevision } from "../../src/kv/revision.js";
import type { PeerHandler, PeerMethod } from "../../src/peer/peer-calls.js";
import type { ClusterView } from "../../src/routing/cluster-view.js";
import { Router } from "../../src/routing/router.js";
import { servePeers } from "../../src/routing/serve-peers.js";
import { decodeCommand } from "../../src/shard/command-codec.js";
import { encodeResult } from "../../src/shard/result-codec.js";
import type { ReadEntry, ShardCommand, ShardResult } from "../../src/shard/shard-command.js";
import type {
  CallLimits,
  Freshness,
  ShardChange,
  ShardHistory,
  ShardPage,
  ShardRange,
  ShardReplica,
} from "../../src/shard/shard-replica.js";
import { KV_LIMITS } from "./kv-limits.js";

/** What befalls a proposal: before it is applied, after, or never answered. */
export type Fate = "fine" | "refused" | "lost-after" | "unknown-before";

export class FakeShard {
  readonly shard: number;
  leader: number | undefined = 1;
  /** Each by its node; a test may take some out. */
  readonly replicas = new Map<number, FakeReplica>();
  readonly entries = new Map<string, { readonly key: Uint8Array; readonly entry: Entry }>();
  readonly changes: ShardChange[] = [];
  /** Changes up to here are forgotten. */
  floor = 0;
  revision = 0;
  nowMs = 1_000;
  /** Of the next proposals, in order; fine when there is none. */
  readonly fates: Fate[] = [];
  /** Commands that were applied, by write id. */
  readonly answers = new Map<string, ShardResult>();
  applied = 0;
  readonly #waiting = new Set<() => void>();

  constructor(shard: number) {
    this.shard = shard;
  }

  apply({ body, writeId }: ShardCommand): ShardResult {
    const name = writeId && `${Buffer.from(writeId.sessionId).toString("hex")}/${writeId.sequence}`;
    const known = name === undefined ? undefined : this.answers.get(name);
    if (known !== undefined) return known;
    this.applied += 1;
    this.revision += 1;
    const result = this.#apply(body);
    if (name !== undefined) this.answers.set(name, result);
    for (const wake of this.#waiting) wake();
    return result;
  }

  history(from: number): ShardHistory {
    if (from < this.floor) return { type: "compacted", oldest: this.floor };
    const changes = this.changes.filter(({ revision }) => revision > from);
    return { type: "changes", changes, progress: Math.max(from, this.revision) };
  }

  async whenNewer(from: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.revision > from || this.floor > from || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }

  /** Lets those who wait for changes look again. */
  poke(): void {
    for (const wake of this.#waiting) wake();
  }

  #apply(body: ShardCommand["body"]): ShardResult {
    const revision = toRevision(this.revision);
    switch (body.type) {
      case "put":
        this.#put(body.keyspace, body.key, body.value, body.ttlMs);
        return { type: "put", revision };
      case "delete":
        return { type: "delete", existed: this.#delete(body.keyspace, body.key), revision };
      case "batch":
        for (const operation of body.operations) {
          if (operation.type === "delete") this.#delete(body.keyspace, operation.key);
          else this.#put(body.keyspace, operation.key, operation.value, operation.ttlMs);
        }
        return { type: "batch", revision };
      case "open-session":
      case "close-session":
        return { type: body.type };
      case "compare-and-set":
      case "increment":
      case "txn":
      case "expire":
      case "drop-keyspace":
      case "checksum":
        return {
          type: "refused",
          code: "NOT_A_COUNTER",
          message: `the fake has no ${body.type}`,
          outcome: "not-applied",
          metadata: {},
        };
    }
  }

  #put(keyspace: number, key: Uint8Array, value: Uint8Array, ttlMs: number): void {
    const revision = toRevision(this.revision);
    const expiresAtMs = ttlMs > 0 ? this.nowMs + ttlMs : undefined;
    const entry = { value: Uint8Array.from(value), revision, expiresAtMs };
    const own = Uint8Array.from(key);
    this.entries.set(nameOf(keyspace, key), { key: own, entry });
    this.changes.push({ kind: "put", keyspace, key: own, ...entry });
  }

  #delete(keyspace: number, key: Uint8Array): boolean {
    const existed = this.entries.delete(nameOf(keyspace, key));
    if (existed) {
      this.changes.push({
        ...{ kind: "delete", keyspace, key: Uint8Array.from(key), value: new Uint8Array(0) },
        ...{ revision: toRevision(this.revision), expiresAtMs: undefined },
      });
    }
    return existed;
  }
}

export class FakeReplica implements ShardReplica {
  readonly shard: number;
  readonly node: number;
  readonly #state: FakeShard;
  /** Fails reads, while set. */
  readFailure: KvError | undefined;
  /** Whom this replica follows, when not the leader. */
  belief: number | undefined;
  /** What this replica remembers only from here on. */
  floor = 0;
  /** Reads that came in, with their keys. */
  readonly reads: { readonly keys: number; readonly freshness: Freshness }[] = [];
  scans = 0;

  constructor(state: FakeShard, node: number) {
    this.#state = state;
    this.shard = state.shard;
    this.node = node;
  }

  get isLeader(): boolean {
    return this.#state.leader === this.node;
  }

  get leader(): number | undefined {
    return this.belief ?? this.#state.leader;
  }

  async propose(command: Uint8Array, _limits: CallLimits): Promise<Uint8Array> {
    const state = this.#state;
    const decoded = decodeCommand(Uint8Array.from(command));
    await Promise.resolve();
    if (!this.isLeader) {
      const metadata = { leader: this.leader === undefined ? "" : String(this.leader) };
      throw new KvError({ code: "NOT_LEADER", message: "not the leader", metadata });
    }
    const fate = state.fates.shift() ?? "fine";
    if (fate === "refused") throw new KvError({ code: "NO_LEADER", message: "no leader" });
    const lost = { code: "NOT_LEADER", message: "lost", outcome: "unknown" } as const;
    if (fate === "unknown-before") throw new KvError(lost);
    const result = state.apply(decoded);
    if (fate === "lost-after") throw new KvError(lost);
    return encodeResult(result);
  }

  async read(
    keyspace: number,
    keys: readonly Uint8Array[],
    freshness: Freshness,
    _limits: CallLimits,
  ): Promise<readonly ReadEntry[]> {
    this.reads.push({ keys: keys.length, freshness });
    await Promise.resolve();
    this.#failIfDown();
    const { nowMs, revision, entries } = this.#state;
    return keys.map((key) => ({
      entry: entries.get(nameOf(keyspace, key))?.entry,
      nowMs,
      shardRevision: toRevision(revision),
    }));
  }

  async scan(
    range: ShardRange,
    page: { readonly maxKeys: number; readonly maxBytes: number; readonly keysOnly: boolean },
    _freshness: Freshness,
    _limits: CallLimits,
  ): Promise<ShardPage> {
    this.scans += 1;
    await Promise.resolve();
    this.#failIfDown();
    const { from, afterFrom, to, reverse, keyspace } = range;
    const within = [...this.#state.entries]
      .filter(([name]) => name.startsWith(`${keyspace}/`))
      .map(([, one]) => one)
      .filter(({ key }) => {
        const order = Buffer.compare(key, from);
        if (order < 0 || (order === 0 && afterFrom)) return false;
        return to.length === 0 || Buffer.compare(key, to) < 0;
      })
      .sort((a, b) => Buffer.compare(a.key, b.key) * (reverse ? -1 : 1));
    const entries = within.slice(0, page.maxKeys).map(({ key, entry }) => ({
      key,
      ...entry,
      value: page.keysOnly ? new Uint8Array(0) : entry.value,
    }));
    const { nowMs, revision } = this.#state;
    const shardRevision = toRevision(revision);
    return { entries, isMore: entries.length < within.length, nowMs, shardRevision };
  }

  async changes(from: number | "now", waitMs: number, limits: CallLimits): Promise<ShardHistory> {
    await Promise.resolve();
    this.#failIfDown();
    if (from === "now") return { type: "changes", changes: [], progress: this.#state.revision };
    if (from < this.floor) return { type: "compacted", oldest: this.floor };
    if (waitMs > 0) await this.#state.whenNewer(from, limits.signal);
    this.#failIfDown();
    return this.#state.history(from);
  }

  #failIfDown(): void {
    if (this.readFailure !== undefined) throw this.readFailure;
  }

  status(): never {
    throw new Error("the fake has no status");
  }
}

export interface FakeClusterOptions {
  readonly nodes?: number;
  readonly shards?: number;
  readonly defaultTtlMs?: number;
}

export class FakeCluster {
  readonly clock = new VirtualClock();
  readonly shards: readonly FakeShard[];
  map: ClusterMap;
  readonly routers = new Map<number, Router>();
  /** Pairs `from>to` that cannot reach each other. */
  readonly cuts = new Set<string>();
  /** Nodes that take calls and never answer. */
  readonly silent = new Set<number>();
  /** Calls that were made, as `from>to method`. */
  readonly calls: string[] = [];
  readonly #handlers = new Map<number, Map<PeerMethod, PeerHandler>>();

  constructor({ nodes = 3, shards = 4, defaultTtlMs = 0 }: FakeClusterOptions = {}) {
    const numbers = Array.from({ length: nodes }, (_, at) => at + 1);
    const starts = TokenRanges.even(shards).starts;
    this.shards = starts.map((_, shard) => new FakeShard(shard));
    for (const shard of this.shards) {
      for (const node of numbers) shard.replicas.set(node, new FakeReplica(shard, node));
    }
    this.map = {
      clusterId: "fake",
      epoch: 1,
      replicationFactor: nodes,
      virtualNodes: 1,
      nodes: [],
      shards: starts.map((start, shard) => ({
        shard,
        start: start.toString(16).padStart(16, "0"),
        replicas: numbers,
        founders: numbers,
        move: undefined,
      })),
      keyspaces: [
        { name: "default", number: 1, defaultTtlMs: 0 },
        { name: "short", number: 2, defaultTtlMs },
      ],
      droppedKeyspaces: [],
      nextNodeNumber: nodes + 1,
      nextKeyspaceNumber: 3,
      isBalancerPaused: false,
    };
    for (const node of numbers) this.#start(node);
  }

  shard(number: number): FakeShard {
    const shard = this.shards[number];
    if (shard === undefined) throw new Error(`no shard ${number}`);
    return shard;
  }

  replica(shard: number, node: number): FakeReplica {
    const replica = this.shard(shard).replicas.get(node);
    if (replica === undefined) throw new Error(`node ${node} has no replica of shard ${shard}`);
    return replica;
  }

  router(node: number): Router {
    const router = this.routers.get(node);
    if (router === undefined) throw new Error(`no node ${node}`);
    return router;
  }

  /** Lets time pass until `promise` is settled. */
  async settled<Result>(promise: Promise<Result>, withinMs = 60_000): Promise<Result> {
    const state = { isDone: false };
    const end = (): void => {
      state.isDone = true;
    };
    promise.then(end, end);
    for (let passed = 0; passed < withinMs; passed += 5) {
      for (let turn = 0; turn < 20 && !state.isDone; turn += 1) await nextTurn();
      if (state.isDone) return promise;
      this.clock.advance(5);
    }
    throw new Error("not settled in time");
  }

  #start(node: number): void {
    const handlers = new Map<PeerMethod, PeerHandler>();
    this.#handlers.set(node, handlers);
    const find = (shard: number) => this.shards[shard]?.replicas.get(node);
    servePeers({ serve: (method, handler) => handlers.set(method, handler) }, { replica: find });
    const currentMap = () => this.map;
    const view: ClusterView = {
      nodeNumber: node,
      get map() {
        return currentMap();
      },
      replica: find,
      peers: {
        isReachable: (to) => !this.cuts.has(`${node}>${to}`),
        call: (to, method, body, limits) => this.#call(node, to, { method, body, limits }),
      },
    };
    const random = new SeededRandom(node);
    this.routers.set(node, new Router({ view, clock: this.clock, random }, KV_LIMITS));
  }

  async #call(
    from: number,
    to: number,
    call: { readonly method: PeerMethod; readonly body: Uint8Array; readonly limits: CallLimits },
  ): Promise<Uint8Array> {
    const { method, body, limits } = call;
    if (this.cuts.has(`${from}>${to}`)) {
      throw new KvError({ code: "PEER_UNREACHABLE", message: `${from} does not reach ${to}` });
    }
    this.calls.push(`${from}>${to} ${method}`);
    await Promise.resolve();
    const handler = this.#handlers.get(to)?.get(method);
    if (handler === undefined) throw new Error(`${method} is not served`);
    if (this.silent.has(to)) {
      await new Promise<void>((resolve) => {
        this.clock.schedule(limits.timeoutMs, resolve);
      });
      throw new KvError({ code: "TIMED_OUT", message: "silent", outcome: "unknown" });
    }
    const answer = await handler(from, body, limits);
    if (this.cuts.has(`${to}>${from}`)) {
      throw new KvError({ code: "PEER_UNREACHABLE", message: "lost", outcome: "unknown" });
    }
    return answer;
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function nameOf(keyspace: number, key: Uint8Array): string {
  return `${keyspace}/${Buffer.from(key).toString("latin1")}`;
}
