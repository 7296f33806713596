/** The balancer in a cluster: what it sees are the nodes' reports, what it does are calls to the shards' leaders. */
import type { Clock } from "@titan/bitcask";
import { encodeTransfer } from "../cluster/cluster-admin.js";
import type { MapCommand } from "../cluster/map-command.js";
import type { MapView } from "../cluster/map-source.js";
import type { NodeReport } from "../cluster/node-report.js";
import { KvError, type KvErrorCode } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import type { PeerCalls } from "../peer/peer-calls.js";
import type { OpenShardReplica } from "../shard/open-shard-replica.js";
import { notLeader } from "../shard/raft-failure.js";
import type { CallLimits, ShardStatus } from "../shard/shard-replica.js";
import {
  Balancer,
  type BalancerOptions,
  type BalancerPort,
  type BalancerStatus,
} from "./balancer.js";
import type { ClusterFacts, ShardFacts, Step } from "./facts.js";
import { changeReplicas, encodeReplicaChange, type ReplicaChange } from "./replica-change.js";

export interface ClusterBalancerDeps {
  readonly self: number;
  readonly map: MapView;
  readonly meta: {
    readonly isLeader: boolean;
    change(command: MapCommand, limits: CallLimits): Promise<unknown>;
  };
  readonly reports: { all(): Promise<ReadonlyMap<number, NodeReport>> };
  readonly replicas: { replica(shard: number): OpenShardReplica | undefined };
  readonly calls: PeerCalls;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PASSING: ReadonlySet<KvErrorCode> = new Set<KvErrorCode>([
  ...(["CLUSTER_STATE", "NOT_LEADER", "NO_LEADER"] as const),
]);
const LIMITS: CallLimits = { timeoutMs: 5_000 };

/** To be started. Looks again at once when the map changes. */
export function clusterBalancer(deps: ClusterBalancerDeps, options: BalancerOptions): Balancer {
  return new Balancer(new ClusterPort(deps), options);
}

class ClusterPort implements BalancerPort {
  readonly #deps: ClusterBalancerDeps;
  /** When a node answered last, or when this node began to ask it, in monotonic ms. */
  readonly #heardMs = new Map<number, number>();
  /** Node that leads each shard, as last seen. */
  readonly #leaders = new Map<number, number>();

  constructor(deps: ClusterBalancerDeps) {
    this.#deps = deps;
  }

  get isInCharge(): boolean {
    return this.#deps.meta.isLeader;
  }

  monotonicMs(): number {
    return this.#deps.clock.monotonicMs();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.#deps.clock.schedule(delayMs, callback);
  }

  /** What the look did not show, or has changed since: nothing is wrong. */
  isPassing(error: unknown): boolean {
    return error instanceof KvError && PASSING.has(error.code);
  }

  onStep(step: Step, error: unknown): void {
    const { logger } = this.#deps;
    if (error === undefined) logger.info({ step }, "balancer: a step is done");
    else if (this.isPassing(error))
      logger.debug({ step, error }, "balancer: a step came too early");
    else logger.warn({ step, error }, "balancer: a step failed; it looks again");
  }

  onTakingOver(): void {
    this.#heardMs.clear();
  }

  onDefect(error: unknown): void {
    this.#deps.logger.error({ error }, "balancer: failed in a way that it does not expect");
  }

  async look(): Promise<Omit<ClusterFacts, "settling">> {
    const { map, reports } = this.#deps;
    const byNode = await reports.all();
    const nowMs = this.monotonicMs();
    const reachable = new Set(byNode.keys());
    const silentMs = new Map<number, number>();
    for (const { number, state } of map.current.nodes) {
      if (state === "left") this.#heardMs.delete(number);
      else if (reachable.has(number) || !this.#heardMs.has(number))
        this.#heardMs.set(number, nowMs);
      const heardMs = this.#heardMs.get(number);
      if (heardMs !== undefined && !reachable.has(number)) silentMs.set(number, nowMs - heardMs);
    }
    const shards = leadersOf(byNode);
    this.#leaders.clear();
    for (const [shard, { leader }] of shards) this.#leaders.set(shard, leader);
    return { map: map.current, shards, reachable, silentMs };
  }

  async perform(step: Step): Promise<void> {
    const { meta, map } = this.#deps;
    const ifEpoch = map.current.epoch;
    switch (step.type) {
      case "begin-move": {
        const { shard, add, remove } = step;
        await meta.change({ type: "begin-move", shard, move: { add, remove }, ifEpoch }, LIMITS);
        return;
      }
      case "finish-move": {
        const { shard, replicas } = step;
        const move = map.current.shards[shard]?.move;
        if (move === undefined) return;
        await meta.change({ type: "finish-move", shard, move, replicas, ifEpoch }, LIMITS);
        return;
      }
      case "prefer": {
        const { shard, replicas } = step;
        await meta.change({ type: "set-replica-order", shard, replicas, ifEpoch }, LIMITS);
        return;
      }
      case "drain":
      case "mark-left": {
        const [ifState, state] =
          step.type === "drain"
            ? (["active", "draining"] as const)
            : (["draining", "left"] as const);
        await meta.change({ type: "set-node-state", node: step.node, state, ifState }, LIMITS);
        return;
      }
      case "add-learner":
        return this.#change({ shard: step.shard, addLearner: step.node });
      case "change-voters":
        return this.#change({
          shard: step.shard,
          ...(step.add !== undefined && { addVoter: step.add }),
          ...(step.remove !== undefined && { remove: step.remove }),
        });
      case "transfer-leader":
        return this.#transfer(step.shard, step.to);
    }
  }

  async #change(change: ReplicaChange): Promise<void> {
    const { self, calls, replicas } = this.#deps;
    const leader = this.#leaderOf(change.shard);
    if (leader === self) await changeReplicas(replicas, change, LIMITS);
    else await calls.call(leader, "changeReplicas", encodeReplicaChange(change), LIMITS);
  }

  async #transfer(shard: number, to: number): Promise<void> {
    const { self, calls, replicas } = this.#deps;
    const leader = this.#leaderOf(shard);
    if (leader === self) replicas.replica(shard)?.group.transferLeadership(to);
    else await calls.call(leader, "transferLeader", encodeTransfer(shard, to), LIMITS);
  }

  #leaderOf(shard: number): number {
    const leader = this.#leaders.get(shard);
    if (leader === undefined) throw notLeader(undefined);
    return leader;
  }
}

/** The balancer in a line for people; "" when this node is not in charge. */
export function describeBalancer({ isInCharge, plan, failure }: BalancerStatus): string {
  if (!isInCharge) return "";
  if (plan === undefined) return "looks at what has changed";
  const trouble = failure === undefined ? "" : ` (the last step failed: ${failure})`;
  switch (plan.type) {
    case "even":
      return `everything is in its place${trouble}`;
    case "wait":
      return `waits: ${plan.reason}${trouble}`;
    case "step":
      return `${describeStep(plan.step)}${trouble}`;
  }
}

function describeStep(step: Step): string {
  const { type, ...what } = step;
  const details = Object.entries(what)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${String(value)}`);
  return `${type.replaceAll("-", " ")}: ${details.join(", ")}`;
}

/** The shards' groups as those say that lead them; of two that say so, the one of the later term. */
function leadersOf(reports: ReadonlyMap<number, NodeReport>): ReadonlyMap<number, ShardFacts> {
  const latest = new Map<number, readonly [leader: number, status: ShardStatus]>();
  for (const [node, { shards }] of reports) {
    for (const status of shards) {
      if (status.role !== "leader") continue;
      const known = latest.get(status.shard);
      if (known === undefined || known[1].term < status.term)
        latest.set(status.shard, [node, status]);
    }
  }
  const facts = new Map<number, ShardFacts>();
  for (const [shard, [leader, { voters, votersOutgoing, learners, lag }]] of latest) {
    facts.set(shard, { leader, voters, votersOutgoing, learners, lag });
  }
  return facts;
}
