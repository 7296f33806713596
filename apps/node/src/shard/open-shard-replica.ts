/** A shard's replica on this node: its group, its state, and what its leader does unasked. */
import type { BitcaskPorts } from "@titan/bitcask";
import type { GroupOptions, NodeStatus, RaftGroup, RaftHost } from "@titan/raft";
import { groupOfShard } from "../cluster/cluster-map.js";
import { KvError } from "../kv/kv-error.js";
import { holdsKeyspace } from "./apply-upkeep.js";
import { checkLimits, limitsRefusal, unlessCancelled, waitFor } from "./call-limits.js";
import type { ShardChecksum } from "./checksum-book.js";
import { COMMAND_HEADER_BYTES, KINDS, stampCommand } from "./command-codec.js";
import { notLeader, toShardError } from "./raft-failure.js";
import { ReadBarrier } from "./read-barrier.js";
import type { ReadEntry } from "./shard-command.js";
import { removeShardDirectory } from "./shard-directory.js";
import { ShardMachine } from "./shard-machine.js";
import { resolveShardOptions, type ShardOptions } from "./shard-options.js";
import { readKeys, readPage } from "./shard-reads.js";
import type {
  CallLimits,
  Freshness,
  ShardHistory,
  ShardPage,
  ShardRange,
  ShardReplica,
  ShardStatus,
} from "./shard-replica.js";
import { ShardUpkeeper } from "./shard-upkeep.js";

export interface ShardReplicaInit {
  readonly shard: number;
  /** The replica's own, made if it is not there. */
  readonly directory: string;
  /** The nodes that found the group, if this node is one of them; see `GroupInit.founders`. */
  readonly founders?: readonly number[];
  readonly ports: BitcaskPorts;
  /** The cluster's clock: ms since the Unix epoch. */
  readonly clusterNowMs: () => number;
  /** Keyspaces whose keys are to be removed, by the cluster map. @default none */
  readonly droppedKeyspaces?: () => readonly number[];
  readonly options?: ShardOptions;
  readonly group?: GroupOptions;
  /** Told when a full disk holds up the replica, with each try. */
  readonly onStalled?: (error: unknown) => void;
  /** Told when the store could not be closed in good order. Nothing is lost: the group's log has it. */
  readonly onCloseFailed?: (error: unknown) => void;
}

/** What the node that keeps a replica has of it. */
export interface OpenShardReplica extends ShardReplica {
  /** For changes of members and of the leader. */
  readonly group: RaftGroup;
  /** How old this replica's state is at most, as far as it can prove. */
  readonly stalenessMs: number;
  /**
   * The digest of the state as of a `checksum` command, whose revision is `index`. Waits until this replica has applied it.
   * @returns undefined when it cannot say: it did not see the command, or not since it was opened
   */
  checksum(index: number, limits: CallLimits): Promise<ShardChecksum | undefined>;
  /** Whether this replica holds a key of a keyspace. */
  holdsKeyspace(keyspace: number): boolean;
  /** Closes group and state, which stay on disk. */
  close(): Promise<void>;
  /** Closes the group, which this node has been removed from, and removes all of it from disk. */
  destroy(): Promise<void>;
}

/** @throws what `RaftHost.openGroup` and the store throw */
export async function openShardReplica(
  host: RaftHost,
  init: ShardReplicaInit,
): Promise<OpenShardReplica> {
  const { directory, ports, onStalled, onCloseFailed } = init;
  const options = resolveShardOptions(init.options);
  const machine = new ShardMachine({
    directory,
    ports,
    options,
    ...(onStalled && { onStalled }),
    ...(onCloseFailed && { onCloseFailed }),
  });
  const { founders } = init;
  let group: RaftGroup;
  try {
    group = await host.openGroup({
      group: groupOfShard(init.shard),
      stateMachine: machine,
      ...(founders && { founders: { voters: founders } }),
      ...(init.group && { options: init.group }),
    });
  } catch (error) {
    // The host closes only what it has opened.
    await machine.close();
    throw error;
  }
  return new RaftShardReplica({ host, init, machine, group });
}

/** Changes, and bytes of them, in one answer: it ends behind the revision that reaches them. */
const CHANGES_PAGE = { changes: 4096, bytes: 1024 * 1024 } as const;
/** Those that free space, so that they are taken as long as there is any. */
const FREES_SPACE: ReadonlySet<number> = new Set([
  KINDS.delete,
  KINDS.expire,
  KINDS["drop-keyspace"],
  KINDS["close-session"],
]);
const KIND_AT = 1;
const UPKEEP_LIMITS: CallLimits = { timeoutMs: 5_000 };

class RaftShardReplica implements OpenShardReplica {
  readonly shard: number;
  readonly group: RaftGroup;
  readonly #host: RaftHost;
  readonly #init: ShardReplicaInit;
  readonly #machine: ShardMachine;
  readonly #barrier: ReadBarrier;
  readonly #upkeep: ShardUpkeeper;

  constructor(parts: {
    readonly host: RaftHost;
    readonly init: ShardReplicaInit;
    readonly machine: ShardMachine;
    readonly group: RaftGroup;
  }) {
    const { host, init, machine, group } = parts;
    this.shard = init.shard;
    this.group = group;
    this.#host = host;
    this.#init = init;
    this.#machine = machine;
    this.#barrier = new ReadBarrier(group, machine, init.ports.clock);
    this.#upkeep = new ShardUpkeeper({
      clock: init.ports.clock,
      // What another leader's clock has made of it counts, even where that was ahead of this node's.
      now: () => Math.max(init.clusterNowMs(), machine.nowMs),
      isLeader: () => this.isLeader,
      earliestDueMs: () => machine.earliestDueMs,
      keyspacesToClear: () =>
        (init.droppedKeyspaces?.() ?? []).filter((keyspace) => this.holdsKeyspace(keyspace)),
      propose: (command) => this.propose(command, UPKEEP_LIMITS),
    });
    machine.onChange(() => this.#upkeep.poke());
  }

  get isLeader(): boolean {
    return this.group.role === "leader";
  }

  get leader(): number | undefined {
    return this.group.leader;
  }

  get stalenessMs(): number {
    return this.#barrier.stalenessMs;
  }

  propose(command: Uint8Array, limits: CallLimits): Promise<Uint8Array> {
    const { group } = this;
    const refusal = this.isLeader ? limitsRefusal(limits) : notLeader(group.leader);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (command.length < COMMAND_HEADER_BYTES) return Promise.reject(tooShort());
    stampCommand(command, Math.max(0, Math.floor(this.#init.clusterNowMs())));
    const freesSpace = FREES_SPACE.has(command[KIND_AT] ?? 0);
    const result = group.propose(command, { timeoutMs: limits.timeoutMs, freesSpace }).then(
      (applied) => applied.result,
      (error: unknown) => {
        throw toShardError(error, group.leader);
      },
    );
    return unlessCancelled(result, limits, "unknown");
  }

  async read(
    keyspace: number,
    keys: readonly Uint8Array[],
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<readonly ReadEntry[]> {
    await this.#barrier.pass(freshness, limits);
    return this.#look(() => readKeys(this.#machine, keyspace, keys));
  }

  async scan(
    range: ShardRange,
    page: { readonly maxKeys: number; readonly maxBytes: number; readonly keysOnly: boolean },
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<ShardPage> {
    await this.#barrier.pass(freshness, limits);
    const { clock } = this.#init.ports;
    const pause = async (): Promise<void> => {
      await new Promise<void>((resolve) => {
        clock.schedule(0, resolve);
      });
      checkLimits(limits);
    };
    try {
      return await readPage(this.#machine, range, page, pause);
    } catch (error) {
      throw toShardError(error, this.leader);
    }
  }

  async changes(from: number | "now", waitMs: number, limits: CallLimits): Promise<ShardHistory> {
    const machine = this.#machine;
    if (from === "now") {
      await this.#barrier.pass({ type: "linearizable" }, limits);
      return { type: "changes", changes: [], progress: machine.appliedIndex };
    }
    checkLimits(limits);
    const isThere = (): boolean => machine.history.floor > from || machine.latestChange > from;
    if (!isThere() && waitMs > 0) {
      const delayMs = Math.min(waitMs, limits.timeoutMs);
      await waitFor(this.#init.ports.clock, delayMs, limits.signal, (wake) =>
        machine.onChange(() => {
          if (isThere()) wake();
        }),
      );
    }
    return machine.history.read(from, machine.appliedIndex, CHANGES_PAGE);
  }

  async checksum(index: number, limits: CallLimits): Promise<ShardChecksum | undefined> {
    const atLeast = { type: "stale", maxStalenessMs: 0, atLeast: index } as const;
    await this.#barrier.pass(atLeast, limits);
    return unlessCancelled(this.#machine.checksum(index), limits, "not-applied");
  }

  holdsKeyspace(keyspace: number): boolean {
    return this.#look(() => holdsKeyspace(this.#machine.db, keyspace));
  }

  status(): ShardStatus {
    const status = this.group.status();
    // A replica that has failed still says so.
    const store = this.#machine.stats();
    const { voters, votersOutgoing, learners } = status.config;
    return {
      shard: this.shard,
      role: roleOf(status),
      leader: status.leader,
      term: status.term,
      commitIndex: status.commitIndex,
      appliedIndex: status.appliedIndex,
      keys: Math.max(0, (store?.keys ?? 0) - this.#machine.ownRecords),
      liveBytes: store?.liveBytes ?? 0,
      deadBytes: store?.deadBytes ?? 0,
      dataFiles: store?.files.length ?? 0,
      voters,
      votersOutgoing,
      learners,
      lag: new Map(
        status.members.map(({ id, match }) => [id, Math.max(0, status.lastIndex - match)]),
      ),
    };
  }

  async close(): Promise<void> {
    this.#upkeep.stop();
    await this.#host.closeGroup(this.group.id);
  }

  async destroy(): Promise<void> {
    this.#upkeep.stop();
    await this.#host.removeGroup(this.group.id);
    await removeShardDirectory(this.#init.ports.fileSystem, this.#init.directory);
  }

  #look<Result>(look: () => Result): Result {
    try {
      return look();
    } catch (error) {
      throw toShardError(error, this.leader);
    }
  }
}

function tooShort(): KvError {
  return new KvError({ code: "FIELD_INVALID", message: "command: too short to be one" });
}

function roleOf({ id, role, config }: NodeStatus): ShardStatus["role"] {
  if (role === "leader") return "leader";
  if (config.learners.includes(id)) return "learner";
  return role === "follower" ? "follower" : "candidate";
}
