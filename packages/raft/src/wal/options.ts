/** Settings of a log, and what it tells while it runs. */

import type { RaftWalError } from "./errors.js";
import { FRAME_OVERHEAD_BYTES } from "./frame.js";
import { SEGMENT_HEADER_BYTES } from "./segment-header.js";

const MIB = 1024 * 1024;
const MIN_SEGMENT_BYTES = 4096;
/** Offsets within a segment take 32 bits. */
const MAX_SEGMENT_BYTES = 2 ** 32 - 4096;

/** How long one append took. */
export interface AppendMeasure {
  /** Bytes written, over all batches that shared the write. */
  readonly bytes: number;
  readonly batches: number;
  readonly writeMs: number;
  /** 0 when nothing had to be synced. */
  readonly syncMs: number;
}

/** A write or sync that has not come back. */
export interface WriteStall {
  readonly operation: "write" | "sync";
  readonly elapsedMs: number;
}

/** Told what happens. Must not throw, nor call back into the log. */
export interface WalObserver {
  onAppend?(measure: AppendMeasure): void;
  /**
   * A write or sync is under way for `stallMs` already, and again after each further `stallMs`: the
   * disk is sick, leaders should step down. Blocking appends are measured when they return.
   */
  onStall?(stall: WriteStall): void;
  /** Once, when the log refuses all further writes. */
  onPoisoned?(error: RaftWalError): void;
  /** Garbage collection in the background failed; the log goes on, only disk space is not freed. */
  onCollectFailed?(error: unknown): void;
}

export interface RaftWalOptions {
  /**
   * Bytes of a segment file, made and filled with zeros ahead of use. Larger ones change less often;
   * smaller ones give space back in finer steps. From 4 KiB to 4 GiB. Files of another size stay
   * usable. @default 67_108_864 (64 MiB)
   */
  readonly segmentBytes?: number;
  /** Bytes of one batch, encoded. One frame must fit a segment. @default a quarter of a segment */
  readonly maxBatchBytes?: number;
  /** Bytes of batches that may wait for the disk. @default 67_108_864 (64 MiB) */
  readonly maxQueuedBytes?: number;
  /** Bytes of recent entries kept in memory, over all groups. @default 67_108_864 (64 MiB) */
  readonly cacheBytes?: number;
  /** Bytes that the index may take, 20 per entry and some to grow. When it is full, entries are refused until
   *  groups have been compacted, which a `RaftHost` sees to. @default 536_870_912 (512 MiB) */
  readonly maxIndexBytes?: number;
  /** Bytes of a snapshot's data, which is a pointer to the real one. @default 65_536 (64 KiB) */
  readonly maxSnapshotDataBytes?: number;
  /**
   * The oldest segment is rewritten when at most this share of it is live, from 0 to 1; also when
   * more bytes are dead in all than are live. @default 0.25
   */
  readonly rewriteLiveShare?: number;
  /** Collect garbage in the background. Without, call `collectGarbage`. @default true */
  readonly autoCollect?: boolean;
  /** Milliseconds after which a write counts as stalled. @default 1000 */
  readonly stallMs?: number;
  readonly observer?: WalObserver;
}

export type ResolvedWalOptions = Required<RaftWalOptions>;

const DEFAULTS: Omit<ResolvedWalOptions, "maxBatchBytes"> = {
  segmentBytes: 64 * MIB,
  maxQueuedBytes: 64 * MIB,
  cacheBytes: 64 * MIB,
  maxIndexBytes: 512 * MIB,
  maxSnapshotDataBytes: 65_536,
  rewriteLiveShare: 0.25,
  autoCollect: true,
  stallMs: 1000,
  observer: {},
};

/** @throws RangeError naming the option that is out of range */
export function resolveWalOptions(options: RaftWalOptions): ResolvedWalOptions {
  const merged = { ...DEFAULTS, ...options };
  const { segmentBytes } = merged;
  assertWithin("segmentBytes", segmentBytes, MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES);
  const room = segmentBytes - SEGMENT_HEADER_BYTES;
  const { maxBatchBytes = Math.floor(room / 4) } = options;
  assertWithin("maxBatchBytes", maxBatchBytes, 2 * FRAME_OVERHEAD_BYTES, room);
  assertWithin("maxQueuedBytes", merged.maxQueuedBytes, 1, Number.MAX_SAFE_INTEGER);
  assertWithin("cacheBytes", merged.cacheBytes, 0, Number.MAX_SAFE_INTEGER);
  assertWithin("maxIndexBytes", merged.maxIndexBytes, 1, Number.MAX_SAFE_INTEGER);
  assertWithin("maxSnapshotDataBytes", merged.maxSnapshotDataBytes, 0, Number.MAX_SAFE_INTEGER);
  assertWithin("stallMs", merged.stallMs, 1, 2 ** 31 - 1);
  if (!(merged.rewriteLiveShare >= 0 && merged.rewriteLiveShare <= 1)) {
    throw new RangeError(`rewriteLiveShare is from 0 to 1, not ${merged.rewriteLiveShare}`);
  }
  return { ...merged, maxBatchBytes };
}

function assertWithin(name: string, value: number, low: number, high: number): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  throw new RangeError(`${name} is an integer from ${low} to ${high}, not ${value}`);
}
