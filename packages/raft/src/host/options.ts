/** Settings of a host and of its groups, their defaults and their limits. */

import type { RaftCoreOptions } from "../core/options.js";
import type { HostObserver } from "./observer.js";

const KIB = 1024;
const MIB = 1024 * KIB;

export interface RaftHostOptions {
  /** Milliseconds of a tick, the unit of the timeouts below. @default 100 */
  readonly tickMs?: number;
  /** Ticks without a leader before an election, at least. @default 10 */
  readonly electionTicks?: number;
  /** Ticks between heartbeats. @default 1 */
  readonly heartbeatTicks?: number;
  /**
   * Ticks without anything to do after which a group goes to sleep: it then costs nothing until somebody
   * calls, or a peer is lost. @default 100, ten election timeouts
   */
  readonly quiesceTicks?: number;
  /** Bytes of received frames that wait for their turn; more are dropped. @default 67_108_864 (64 MiB) */
  readonly maxInboxBytes?: number;
  /** Bytes of a frame, unless a single message is larger. @default 1_048_576 (1 MiB) */
  readonly maxFrameBytes?: number;
  /** Bytes of proposals, over all groups, that wait for their turn. @default 67_108_864 (64 MiB) */
  readonly maxQueuedProposalBytes?: number;
  /** Proposals of one group under way, whatever their size. @default 65_536 */
  readonly maxPendingProposals?: number;
  /** Reads of one group under way. @default 65_536 */
  readonly maxPendingReads?: number;
  /** Bytes that one write to the log gathers, unless a single entry is larger. No more than the log's
   *  `maxBatchBytes`, whatever is said here. @default 4_194_304 (4 MiB) */
  readonly maxWriteBytes?: number;
  /**
   * How long a write to the log may take before this host counts as unfit to lead: it then gives its
   * leaderships up. @default the least election timeout, `electionTicks * tickMs`
   */
  readonly diskStallMs?: number;
  /**
   * Bytes that must be free where the log is. With fewer the host gives its leaderships up and refuses
   * proposals, but for those that say that they free space; so there is room left to mend things. Looked
   * at once a second, if the host is given `freeBytes`. @default 268_435_456 (256 MiB)
   */
  readonly minFreeBytes?: number;
  /** Bytes of snapshots that this host sends in a second, all together, so that other work goes on.
   *  @default 134_217_728 (128 MiB) */
  readonly maxSnapshotBytesPerSecond?: number;
  /**
   * Leaders serve reads without asking a majority each time, by promises of an election timeout that
   * members give and keep. Rests on `maxClockDrift`, the only thing here that rests on clocks. The same
   * on all hosts, at last: a host that is to do without, after it did with, must have been down for an
   * election timeout. @default false
   */
  readonly leaderLease?: boolean;
  /** Share by which the monotonic clocks of two hosts may run at different rates; leases end twice that
   *  much earlier, as a suspension may hide as much. Above 0, and below 0.5. @default 0.1, thousands of times what quartz needs */
  readonly maxClockDrift?: number;
  readonly observer?: HostObserver;
}

/** When a group's log is cut, and how much of it stays for members that lag. */
export interface CompactionOptions {
  /** Bytes of commands applied since the last snapshot that call for the next. @default 67_108_864 */
  readonly everyBytes?: number;
  /** Entries applied since the last snapshot that call for the next. @default 100_000 */
  readonly everyEntries?: number;
  /** Entries before the snapshot that stay in the log. @default 5_000 */
  readonly keepEntries?: number;
}

/** Settings of one group. */
export interface GroupOptions
  extends Pick<
    RaftCoreOptions,
    | "maxAppendBytes"
    | "maxApplyingBytes"
    | "maxUncommittedBytes"
    | "maxEntryBytes"
    | "maxInflightMessages"
    | "maxInflightBytes"
    | "maxPromotionLag"
    | "priority"
  > {
  readonly compaction?: CompactionOptions;
}

/** What an entry may need in a batch beside its data. */
const ENTRY_ROOM_BYTES = 2 * KIB;

/**
 * The settings of a group, with defaults for what is not set.
 * @param maxBatchBytes of the log, into which the largest entry must fit
 * @throws RangeError when it does not
 */
export function resolveGroupOptions(options: GroupOptions, maxBatchBytes: number) {
  const room = maxBatchBytes - ENTRY_ROOM_BYTES;
  const { compaction, ...limits } = given(options);
  const { maxEntryBytes = Math.min(GROUP_DEFAULTS.maxEntryBytes, room) } = limits;
  if (maxEntryBytes > room) {
    throw new RangeError(`maxEntryBytes ${maxEntryBytes}, but the log's batches take ${room}`);
  }
  return {
    compaction: resolveCompaction(compaction),
    limits: { ...GROUP_DEFAULTS, ...limits, maxEntryBytes },
  };
}

/** What a group takes when it is told nothing; less than the core's own, as a host has many. */
const GROUP_DEFAULTS = {
  maxAppendBytes: 512 * KIB,
  maxApplyingBytes: 8 * MIB,
  maxUncommittedBytes: 32 * MIB,
  maxEntryBytes: 2 * MIB,
  maxInflightMessages: 256,
  maxInflightBytes: 8 * MIB,
} as const satisfies GroupOptions;

const COMPACTION_DEFAULTS: Required<CompactionOptions> = {
  everyBytes: 64 * MIB,
  everyEntries: 100_000,
  keepEntries: 5_000,
};

export type ResolvedHostOptions = Required<RaftHostOptions>;

const DEFAULTS: Omit<ResolvedHostOptions, "diskStallMs"> = {
  tickMs: 100,
  electionTicks: 10,
  heartbeatTicks: 1,
  quiesceTicks: 100,
  maxInboxBytes: 64 * MIB,
  maxFrameBytes: MIB,
  maxQueuedProposalBytes: 64 * MIB,
  maxPendingProposals: 65_536,
  maxPendingReads: 65_536,
  maxWriteBytes: 4 * MIB,
  minFreeBytes: 256 * MIB,
  maxSnapshotBytesPerSecond: 128 * MIB,
  leaderLease: false,
  maxClockDrift: 0.1,
  observer: {},
};

const NOT_COUNTS: ReadonlySet<string> = new Set(["observer", "leaderLease", "maxClockDrift"]);
/** With more, a lease would be over before it is known to be there. */
const MAX_CLOCK_DRIFT = 0.5;

/** @throws RangeError naming the option that is out of range */
export function resolveHostOptions(options: RaftHostOptions): ResolvedHostOptions {
  const merged = { ...DEFAULTS, ...given(options) };
  const { diskStallMs = merged.electionTicks * merged.tickMs } = options;
  const resolved = { ...merged, diskStallMs };
  for (const [name, value] of Object.entries(resolved)) {
    if (!NOT_COUNTS.has(name)) requirePositive(name, value);
  }
  const { maxClockDrift } = resolved;
  if (!(maxClockDrift > 0 && maxClockDrift < MAX_CLOCK_DRIFT)) {
    throw new RangeError(`maxClockDrift must be within (0, ${MAX_CLOCK_DRIFT}): ${maxClockDrift}`);
  }
  if (resolved.heartbeatTicks >= resolved.electionTicks) {
    throw new RangeError("heartbeatTicks must be less than electionTicks");
  }
  return resolved;
}

/** @throws RangeError naming the option that is out of range */
function resolveCompaction(options: CompactionOptions = {}): Required<CompactionOptions> {
  const merged = { ...COMPACTION_DEFAULTS, ...given(options) };
  requirePositive("everyBytes", merged.everyBytes);
  requirePositive("everyEntries", merged.everyEntries);
  if (!Number.isSafeInteger(merged.keepEntries) || merged.keepEntries < 0) {
    throw new RangeError(`keepEntries must be an integer of at least 0: ${merged.keepEntries}`);
  }
  return merged;
}

/** What is set: an option that is undefined counts as left out. */
function given<Options extends object>(options: Options): Options {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Options;
}

function requirePositive(name: string, value: unknown): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return;
  throw new RangeError(`${name} must be an integer of at least 1: ${String(value)}`);
}
