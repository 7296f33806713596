/**
 * Strikes dropped keyspaces off the map once no shard has keys of them, so that the map does not grow with every
 * keyspace that there ever was. Works on the node that leads the meta group; whoever leads next begins anew.
 *
 * A router with an older map may have had a write under way. Hence a keyspace is struck off only when two looks, further
 * apart than a call may take, found all nodes at a map without it, all shards led, and no keys.
 */
import type { Clock } from "@titan/bitcask";
import { KvError } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import type { CallLimits } from "../shard/shard-replica.js";
import type { ClusterMap } from "./cluster-map.js";
import type { MapCommand } from "./map-command.js";
import type { MapView } from "./map-source.js";
import type { NodeReport } from "./node-report.js";

export interface DroppedKeyspacesDeps {
  readonly map: MapView;
  readonly meta: {
    readonly isLeader: boolean;
    change(command: MapCommand, limits: CallLimits): Promise<unknown>;
  };
  readonly reports: { all(): Promise<ReadonlyMap<number, NodeReport>> };
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  /** Milliseconds that a call may take at most: the largest `requestTimeout` of the nodes, which are to have one. */
  readonly longestCallMs: number;
}

/** At least, between looks: longer than the leaders take to remove what keys they have. */
const LEAST_LOOK_MS = 60_000;
/** A call that was begun with an older map has ended, and what it wrote is seen, this long after its time was over. */
const SLACK_MS = 10_000;
const CHANGE: CallLimits = { timeoutMs: 5_000 };

export class DroppedKeyspaces {
  readonly #deps: DroppedKeyspacesDeps;
  /** Found without keys by the last look. */
  #empty: ReadonlySet<number> = new Set();
  #cancel: () => void = () => undefined;
  #turn: Promise<void> | undefined;
  #isStopped = false;

  constructor(deps: DroppedKeyspacesDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#isStopped) return;
    const { clock, logger, longestCallMs } = this.#deps;
    const lookMs = Math.max(LEAST_LOOK_MS, longestCallMs + SLACK_MS);
    this.#cancel = clock.schedule(lookMs, () => {
      this.#turn = this.#look()
        .catch((error: unknown) => {
          // Not the leader any more, or no majority: somebody looks again.
          if (!(error instanceof KvError))
            logger.warn({ error }, "a dropped keyspace stays on the map");
        })
        .then(() => this.start());
    });
  }

  /** Resolves when nothing is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#turn;
  }

  async #look(): Promise<void> {
    const { map, meta, reports } = this.#deps;
    const before = this.#empty;
    this.#empty = new Set();
    if (!meta.isLeader || map.current.droppedKeyspaces.length === 0) return;
    const { current } = map;
    const empty = emptyKeyspaces(current, await reports.all());
    if (this.#isStopped) return;
    this.#empty = new Set(empty);
    for (const keyspace of empty) {
      if (before.has(keyspace))
        await meta.change({ type: "finish-drop-keyspace", keyspace }, CHANGE);
    }
  }
}

/** Dropped keyspaces of which no leader has keys; none while anything is not known. */
export function emptyKeyspaces(
  map: ClusterMap,
  reports: ReadonlyMap<number, NodeReport>,
): readonly number[] {
  const present = map.nodes.filter(({ state }) => state !== "left");
  if (present.some(({ number }) => (reports.get(number)?.epoch ?? -1) < map.epoch)) return [];
  const all = [...reports.values()];
  const led = new Set(
    all
      .flatMap(({ shards }) => shards.filter(({ role }) => role === "leader"))
      .map(({ shard }) => shard),
  );
  if (map.shards.some(({ shard }) => !led.has(shard))) return [];
  const full = new Set(all.flatMap(({ fullKeyspaces }) => fullKeyspaces));
  return map.droppedKeyspaces.filter((keyspace) => !full.has(keyspace));
}
