/**
 * Keeps on this node the replicas that the map gives it: opens those that are missing, and removes those that are
 * not its own any more, but only once their group says that this node is no member. Each shard is worked on by
 * itself, one thing after the other; what fails is tried again, later and later.
 */
import type { Clock, Random } from "@titan/bitcask";
import type { Logger } from "../logger.js";
import type { OpenShardReplica } from "../shard/open-shard-replica.js";
import { type ClusterMap, holdersOf } from "./cluster-map.js";
import { Gate } from "./gate.js";
import type { MapView } from "./map-source.js";

export interface ReplicaKeeperDeps {
  readonly self: number;
  readonly map: MapView;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** @param founders those of the group, if this node is one of them */
  readonly open: (
    shard: number,
    founders: readonly number[] | undefined,
  ) => Promise<OpenShardReplica>;
  /** Whether the group's leader says that this node is no member; false when it cannot be asked. */
  readonly isExpelled: (shard: number) => Promise<boolean>;
  /** A replica has been opened. */
  readonly onOpened: (replica: OpenShardReplica) => void;
}

interface Slot {
  replica: OpenShardReplica | undefined;
  /** What is being done. */
  turn: Promise<void> | undefined;
  failures: number;
  /** Why it could not be opened the last time. */
  failure: unknown;
  cancel: (() => void) | undefined;
}

const RETRY = { leastMs: 100, mostMs: 10_000 };
/** Opening and closing work on files: a few at a time, so that the first of many are not held up by the rest. */
const AT_ONCE = 8;

export class ReplicaKeeper {
  readonly #deps: ReplicaKeeperDeps;
  readonly #slots = new Map<number, Slot>();
  /** Shards of which this node has files, though the map may not give it a replica. */
  readonly #leftOver = new Set<number>();
  readonly #gate = new Gate(AT_ONCE);
  #endListening: () => void = () => undefined;
  #isStopped = false;

  constructor(deps: ReplicaKeeperDeps) {
    this.#deps = deps;
  }

  /**
   * Begins to work.
   * @param present shards of which there is something on disk
   */
  start(present: Iterable<number>): void {
    for (const shard of present) this.#leftOver.add(shard);
    this.#endListening = this.#deps.map.onChange((map) => this.#look(map));
    this.#look(this.#deps.map.current);
  }

  /** The replica of a shard, if it is open here. */
  replica(shard: number): OpenShardReplica | undefined {
    return this.#slots.get(shard)?.replica;
  }

  /** All that are open here. */
  replicas(): readonly OpenShardReplica[] {
    return [...this.#slots.values()].flatMap(({ replica }) => replica ?? []);
  }

  /** Whether all that the map gives this node is open. */
  get isSettled(): boolean {
    const { map, self } = this.#deps;
    return map.current.shards.every(
      (shard) => !holdersOf(shard).includes(self) || this.replica(shard.shard) !== undefined,
    );
  }

  /** Why replicas are not open that should be, of those that were tried. */
  failures(): readonly unknown[] {
    return [...this.#slots.values()].flatMap(({ failure }) => failure ?? []);
  }

  /** Closes all replicas. Idempotent. */
  async close(): Promise<void> {
    this.#isStopped = true;
    this.#endListening();
    for (const slot of this.#slots.values()) slot.cancel?.();
    for (const slot of this.#slots.values()) await slot.turn;
    // Each syncs files of its own, which a disk does best several at a time.
    const close = (slot: Slot) => this.#gate.run(() => this.#closeReplica(slot));
    await Promise.all([...this.#slots.values()].map(close));
  }

  async #closeReplica(slot: Slot): Promise<void> {
    const { replica } = slot;
    slot.replica = undefined;
    try {
      await replica?.close();
    } catch (error) {
      // Its log has all of it.
      this.#deps.logger.warn({ error, shard: replica?.shard }, "a replica closed uncleanly");
    }
  }

  #look(map: ClusterMap): void {
    for (const { shard } of map.shards) this.#wake(shard);
  }

  #wake(shard: number): void {
    const slot = this.#slots.get(shard);
    if (this.#isStopped || slot?.turn !== undefined) return;
    if (slot === undefined && !this.#isWanted(shard) && !this.#leftOver.has(shard)) return;
    const known = slot ?? {
      replica: undefined,
      turn: undefined,
      failures: 0,
      failure: undefined,
      cancel: undefined,
    };
    this.#slots.set(shard, known);
    known.cancel?.();
    known.turn = this.#work(shard, known)
      .then(
        (isDone) => (isDone ? undefined : RETRY.mostMs / 10),
        (error: unknown) => this.#onFailure(shard, known, error),
      )
      .then((pauseMs) => {
        known.turn = undefined;
        if (this.#isStopped) return;
        if (pauseMs !== undefined) {
          known.cancel = this.#deps.clock.schedule(pauseMs, () => this.#wake(shard));
        } else if (this.#isWanted(shard) !== (known.replica !== undefined)) this.#wake(shard);
        else if (known.replica === undefined) this.#slots.delete(shard);
      });
  }

  /** @returns false to come back later */
  async #work(shard: number, slot: Slot): Promise<boolean> {
    const { self, map, open, isExpelled, onOpened, logger } = this.#deps;
    if (slot.replica === undefined) {
      const { founders, replicas } = this.#place(shard);
      const isFounder = replicas.includes(self) && founders.includes(self);
      const replica = await this.#gate.run(async () =>
        this.#isStopped ? undefined : open(shard, isFounder ? founders : undefined),
      );
      if (replica === undefined) return false;
      slot.replica = replica;
      slot.failures = 0;
      slot.failure = undefined;
      this.#leftOver.add(shard);
      onOpened(replica);
      return true;
    }
    if (this.#isWanted(shard)) return true;
    const { epoch } = map.current;
    const { voters, votersOutgoing, learners } = slot.replica.status();
    const isMember = [...voters, ...votersOutgoing, ...learners].includes(self);
    if (isMember && !(await isExpelled(shard))) return false;
    // What the leader said may be older than a map that has come meanwhile.
    if (map.current.epoch !== epoch || this.#isStopped) return false;
    const { replica } = slot;
    slot.replica = undefined;
    await replica.destroy();
    this.#leftOver.delete(shard);
    logger.info({ shard }, "a replica that moved away has been removed");
    return true;
  }

  #onFailure(shard: number, slot: Slot, error: unknown): number {
    slot.failures += 1;
    slot.failure = error;
    const longestMs = Math.min(RETRY.mostMs, RETRY.leastMs * 2 ** Math.min(slot.failures, 10));
    const { logger, random } = this.#deps;
    logger.error(
      { error, shard, failures: slot.failures },
      "a replica cannot be kept; trying again",
    );
    return longestMs / 2 + random.nextInt(Math.max(1, Math.floor(longestMs / 2)));
  }

  #isWanted(shard: number): boolean {
    return holdersOf(this.#place(shard)).includes(this.#deps.self);
  }

  #place(shard: number) {
    const place = this.#deps.map.current.shards[shard];
    if (place === undefined) throw new Error(`the map has no shard ${shard}`);
    return place;
  }
}
