/** What differs from seed to seed: sizes, limits, speeds. Small limits, so that each is met often. */

import type { CompactionOptions, GroupOptions, RaftHostOptions } from "../host/options.js";
import type { SeededRandom } from "../testing/seeded-random.js";
import type { RaftWalOptions } from "../wal/options.js";

export interface SimSettings {
  /** Nodes that found the groups: 1 to `founders`. */
  readonly founders: number;
  /** Further nodes, which are in no group at first. */
  readonly spares: number;
  readonly groups: number;
  /** Whether state machines live in memory or keep themselves on disk. */
  readonly machineKind: "in-memory" | "on-disk";
  /** State machines answer later, not at once. */
  readonly isApplySlow: boolean;
  /** Bytes that a state takes in a snapshot. */
  readonly stateBytes: number;
  /** Clients per group. */
  readonly clients: number;
  /** Milliseconds between two calls of a client, at most. */
  readonly thinkMs: number;
  /** Whether members are changed at random; else a wiped node may be replaced by the procedure. */
  readonly changesMembers: boolean;
  /** So many voters are left in a group, whatever changes. One alone commits and answers by itself. */
  readonly leastVoters: 1 | 2;
  /** Every call of the file system takes time, not only syncs. */
  readonly isDiskJittery: boolean;
  /** Microseconds that a sync takes, at most. */
  readonly maxSyncUs: number;
  /** Microseconds on the way from node to node. */
  readonly latencyUs: readonly [least: number, most: number];
  /** How long faults go on, in milliseconds. */
  readonly chaosMs: number;
  /** Within how many milliseconds after the last fault every group must work again. */
  readonly healMs: number;
  /** How long nobody calls after that, so that groups fall asleep, before they must work once more. */
  readonly restMs: number;
  readonly host: Required<
    Pick<
      RaftHostOptions,
      | "tickMs"
      | "electionTicks"
      | "heartbeatTicks"
      | "quiesceTicks"
      | "maxFrameBytes"
      | "maxWriteBytes"
      | "minFreeBytes"
      | "maxSnapshotBytesPerSecond"
      | "leaderLease"
    >
  >;
  readonly group: GroupOptions;
  readonly compaction: CompactionOptions;
  readonly wal: RaftWalOptions;
}

const KIB = 1024;

export function drawSettings(random: SeededRandom): SimSettings {
  const isLarge = random.isChance(20);
  const founders = isLarge ? 5 : drawSmallGroup(random);
  // Who is alone at first is mostly joined by others.
  const changesMembers = random.isChance(founders < 3 ? 80 : 50);
  const heartbeatTicks = random.between(1, 2);
  const segmentBytes = random.pick([5 * KIB, 8 * KIB, 24 * KIB]);
  return {
    founders,
    spares: changesMembers ? random.between(1, 2) : 0,
    groups: random.between(1, isLarge ? 2 : 3),
    machineKind: random.isChance(60) ? "in-memory" : "on-disk",
    isApplySlow: random.isChance(25),
    stateBytes: random.pick([64, 600, 3000, 9000]),
    clients: random.between(1, 2),
    thinkMs: random.pick([15, 40, 100, 300]),
    changesMembers,
    leastVoters: random.pick([1, 2]),
    isDiskJittery: random.isChance(20),
    maxSyncUs: random.pick([300, 2000, 10_000]),
    latencyUs: random.pick([
      [50, 300],
      [500, 2000],
      [1000, 10_000],
    ]),
    chaosMs: random.between(1200, 2400),
    healMs: 20_000,
    restMs: random.pick([0, 0, 0, 600]),
    host: {
      tickMs: 20,
      electionTicks: heartbeatTicks + random.between(3, 6),
      heartbeatTicks,
      quiesceTicks: random.pick([6, 12, 1000]),
      maxFrameBytes: random.pick([200, 64 * KIB]),
      maxWriteBytes: random.pick([700, 64 * KIB]),
      minFreeBytes: 24 * KIB,
      maxSnapshotBytesPerSecond: random.pick([20 * KIB, 1024 * KIB]),
      leaderLease: random.isChance(50),
    },
    group: {
      maxAppendBytes: random.pick([64, 400, 64 * KIB]),
      maxApplyingBytes: random.pick([64, 64 * KIB]),
      maxInflightMessages: random.pick([1, 3, 64]),
      maxInflightBytes: 64 * KIB,
      maxUncommittedBytes: random.pick([300, 64 * KIB]),
      maxEntryBytes: 512,
      maxPromotionLag: random.pick([4, 64]),
    },
    compaction: {
      everyEntries: random.pick([5, 15, 40, 100]),
      keepEntries: random.pick([0, 2, 10]),
    },
    wal: {
      segmentBytes,
      maxBatchBytes: segmentBytes - KIB,
      cacheBytes: random.pick([0, 512, 64 * KIB]),
    },
  };
}

/** Three mostly; one or two now and then. */
function drawSmallGroup(random: SeededRandom): number {
  return random.isChance(80) ? 3 : random.between(1, 2);
}
