/** Asks the other nodes how they are, answers them, and keeps the cluster's clock by it. */
import type { Clock } from "@titan/bitcask";
import { KvError } from "../kv/kv-error.js";
import type { PeerCalls } from "../peer/peer-calls.js";
import type { ShardStatus } from "../shard/shard-replica.js";
import type { ClusterClock } from "./cluster-clock.js";
import { nodeOf } from "./cluster-map.js";
import type { MapView } from "./map-source.js";
import {
  decodeReport,
  decodeReportRequest,
  encodeReport,
  encodeReportRequest,
  type NodeReport,
  type ReportKind,
} from "./node-report.js";

export interface NodeReportsDeps {
  readonly self: number;
  readonly version: string;
  readonly calls: PeerCalls;
  readonly map: MapView;
  readonly clock: Clock;
  readonly clusterClock: ClusterClock;
  readonly shards: () => readonly ShardStatus[];
  /** What this node's balancer does, its audits found, and what there is to clear. */
  readonly findings: () => Pick<NodeReport, "balancer" | "divergent" | "fullKeyspaces">;
  /** A peer says that this node has left the cluster. */
  readonly onLeft: () => void;
  /**
   * None of the peers answers, twice in a row: they may have taken this node out, or moved. Never rejects.
   * @param signal of the end of this work
   */
  readonly onSilence: (signal: AbortSignal) => Promise<void>;
}

const NOTHING = { balancer: "", divergent: [], fullKeyspaces: [] } as const;
const ASK = { timeoutMs: 1_000 };
/**
 * Between looks at the peers' clocks. More often at first, until all have been asked, and as long as this node is
 * alone or about to leave, so that it hears soon that it has.
 */
const ROUND_MS = { usual: 10_000, often: 1_000 };
const FIRST_ROUNDS = 5;

export class NodeReports {
  readonly #deps: NodeReportsDeps;
  #cancel: () => void = () => undefined;
  #rounds = 0;
  /** Rounds in a row in which no peer answered. */
  #silentRounds = 0;
  readonly #stopping = new AbortController();

  /** Serves peers from now on. */
  constructor(deps: NodeReportsDeps) {
    this.#deps = deps;
    deps.calls.serve("nodeStatus", async (from, body) => {
      let kind: ReportKind;
      try {
        kind = decodeReportRequest(body);
      } catch (error) {
        throw new KvError(
          { code: "FIELD_INVALID", message: "not a request for a report" },
          { cause: error },
        );
      }
      return encodeReport(this.#own(kind, from));
    });
  }

  /** Begins to look at the peers' clocks. */
  start(): void {
    this.#cancel = this.#deps.clock.schedule(0, () => void this.#round());
  }

  stop(): void {
    this.#stopping.abort();
    this.#cancel();
  }

  /** Reports of this node and of all that answer within a second, by number. */
  async all(): Promise<ReadonlyMap<number, NodeReport>> {
    const { self } = this.#deps;
    const asked = this.#others().map(async (peer) => [peer, await this.ask(peer, "all")] as const);
    const reports = new Map<number, NodeReport>([[self, this.#own("all", self)]]);
    for (const [peer, report] of await Promise.all(asked)) {
      if (report !== undefined) reports.set(peer, report);
    }
    return reports;
  }

  /** @returns undefined when it does not answer, or not in words that are understood */
  async ask(peer: number, kind: ReportKind): Promise<NodeReport | undefined> {
    const { calls, clock, clusterClock, onLeft } = this.#deps;
    const asked = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    try {
      const answer = await calls.call(peer, "nodeStatus", encodeReportRequest(kind), ASK);
      const report = decodeReport(answer);
      clusterClock.observe(peer, report.wallMs, asked);
      if (report.hasAskerLeft) onLeft();
      return report;
    } catch {
      // What it is, the status says: not reachable.
      return undefined;
    }
  }

  #own(kind: ReportKind, asker: number): NodeReport {
    const { version, clock, map, shards, findings } = this.#deps;
    return {
      version,
      wallMs: clock.wallMs(),
      epoch: map.current.epoch,
      hasAskerLeft: nodeOf(map.current, asker)?.state === "left",
      ...(kind === "all" ? findings() : NOTHING),
      shards: kind === "all" ? shards() : [],
    };
  }

  #others(): readonly number[] {
    const { map, self } = this.#deps;
    return map.current.nodes
      .filter(({ number, state }) => number !== self && state !== "left")
      .map(({ number }) => number);
  }

  async #round(): Promise<void> {
    const { map, self, clusterClock, clock, onSilence } = this.#deps;
    const peers = this.#others();
    clusterClock.keepOnly(new Set(peers));
    const reports = await Promise.all(peers.map((peer) => this.ask(peer, "clock")));
    const isAlone = peers.length > 0 && reports.every((report) => report === undefined);
    this.#silentRounds = isAlone ? this.#silentRounds + 1 : 0;
    const { signal } = this.#stopping;
    // Once may be a moment in which the connections are made anew.
    if (this.#silentRounds >= 2 && !signal.aborted) await onSilence(signal);
    this.#rounds += 1;
    if (signal.aborted) return;
    const isOften =
      isAlone || this.#rounds < FIRST_ROUNDS || nodeOf(map.current, self)?.state === "draining";
    const delayMs = isOften ? ROUND_MS.often : ROUND_MS.usual;
    this.#cancel = clock.schedule(delayMs, () => void this.#round());
  }
}
