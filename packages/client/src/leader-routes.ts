/**
 * Where a call is best sent: to the leader of its key's shard where one is known and reached, else to the pool's choice.
 *
 * The cluster's map is asked for behind the first call that succeeds, and again when something shows that it is out of
 * date: a leader that it does not name, a node that failed, or its age. Calls never wait for it.
 */
import type { GetClusterMapResponse } from "@titan/proto";
import type { EndpointPool, Route } from "./endpoint-pool.js";
import type { Logger } from "./log.js";
import type { Clock, Connection } from "./ports.js";
import { Topology } from "./topology.js";

/** Milliseconds until a map is asked for anew that nothing speaks against. */
const MAP_AGE_MS = 30_000;
/** Least milliseconds between two askings, and after one that failed. */
const PAUSE_MS = 250;
const FAILED_PAUSE_MS = 5_000;
/** Milliseconds that an answer may take. */
const ASK_MS = 2_000;
const WITHOUT_WAITING = { knownEpoch: 0, waitMs: 0 };

export interface LeaderRoutesOptions {
  /** Whether to learn the map; without it all is left to the pool. */
  readonly discovery: boolean;
  readonly logger: Logger;
}

export class LeaderRoutes {
  private readonly topology = new Topology();
  private readonly closing = new AbortController();
  private isAsking = false;
  /** Something shows that the map is out of date. */
  private isOutdated = true;
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private renewAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly pool: EndpointPool,
    private readonly clock: Clock,
    private readonly options: LeaderRoutesOptions,
  ) {}

  /** Where to send a call on `key` at this moment, if anywhere. Connects to its leader meanwhile, if need be. */
  current(key: Uint8Array | undefined): Route | undefined {
    const leader = key === undefined ? undefined : this.topology.leaderOf(key);
    const route = leader === undefined ? undefined : this.pool.routeIfUp(leader.address);
    return route ?? this.pool.current();
  }

  /** A call on `route` succeeded. */
  succeeded(route: Route): void {
    if (!this.options.discovery || this.isAsking) return;
    const nowMs = route.link.heardAtMs;
    if (!this.isOutdated && nowMs < this.renewAtMs) return;
    if (nowMs >= this.notBeforeMs) void this.ask(route);
  }

  /** The node at the end of `route` does not work. */
  failed(route: Route): void {
    this.topology.forget(route.link.endpoint.address);
    this.isOutdated = true;
  }

  /** A call on `key` is better made elsewhere. */
  turnedAway(key: Uint8Array | undefined): void {
    if (key !== undefined) this.topology.forgetLeaderOf(key);
  }

  /** A node has said who leads a shard. */
  heardOfLeader(shard: number, node: number): void {
    if (!this.topology.hint(shard, node)) this.isOutdated = true;
  }

  close(): void {
    this.closing.abort();
  }

  private learn(map: GetClusterMapResponse): void {
    const { clusterId } = map;
    const check = async (connection: Connection, signal: AbortSignal): Promise<void> => {
      const there = await connection.call("getClusterMap", WITHOUT_WAITING, signal, ASK_MS);
      if (there.clusterId !== clusterId) throw new Error("it is a node of another cluster");
    };
    // Only an endpoint that was given can lead to another cluster: what was learned of the one before is of no use then.
    if (clusterId !== this.topology.clusterId) this.pool.learn([], check);
    this.topology.learn(map);
    this.pool.learn(this.topology.endpoints, check);
  }

  private async ask({ connection, link }: Route): Promise<void> {
    this.isAsking = true;
    const stop = new AbortController();
    const onClosing = (): void => stop.abort();
    const cancelTimer = this.clock.schedule(ASK_MS, onClosing);
    this.closing.signal.addEventListener("abort", onClosing, { once: true });
    let pauseMs = FAILED_PAUSE_MS;
    try {
      // What shows meanwhile that it is out of date may be news to it.
      this.isOutdated = false;
      const map = await connection.call("getClusterMap", WITHOUT_WAITING, stop.signal, ASK_MS);
      if (stop.signal.aborted) return;
      this.learn(map);
      pauseMs = PAUSE_MS;
      const names = this.topology.endpoints.map(({ address }) => address);
      this.options.logger({
        ...{ level: "debug", event: "map-learned", endpoint: link.endpoint.address },
        message: `learned the cluster's nodes: ${names.join(", ")}`,
      });
    } catch {
      // Calls take the detour meanwhile.
      this.isOutdated = true;
    } finally {
      cancelTimer();
      this.closing.signal.removeEventListener("abort", onClosing);
      const nowMs = this.clock.monotonicMs();
      this.notBeforeMs = nowMs + pauseMs;
      this.renewAtMs = nowMs + MAP_AGE_MS;
      this.isAsking = false;
    }
  }
}
