/**
 * The end of the log: where frames are written and synced, and where a full segment gives way to the
 * next. One caller at a time.
 *
 * Invariants: `syncedOffset <= offset`; a segment is synced before the next one gets its first frame.
 */

import { bodyOffset, encodeFrame, frameBytes } from "./frame-encoder.js";
import type { WalHealth } from "./health.js";
import type { FileHandle } from "./ports.js";
import { recordBytes, type WalRecord } from "./record.js";
import type { Segment, SegmentFiles } from "./segment-files.js";
import { SEGMENT_HEADER_BYTES } from "./segment-header.js";
import type { PreparedSegment } from "./segment-preparer.js";
import type { StallWatch } from "./stall-watch.js";

/** Buffers up to this size are kept for the next write. */
const MAX_KEPT_BUFFER_BYTES = 4 * 1024 * 1024;

/** A record and its place. */
export interface PlacedRecord {
  readonly record: WalRecord;
  readonly segment: number;
  readonly offset: number;
}

export interface ActivePosition {
  readonly offset: number;
  readonly sequence: number;
  readonly digest: number;
  readonly firstSegment: number;
  /** Frames before `offset` in the segment. */
  readonly framesBefore: number;
}

/** Frames that have been encoded for the present end of the log. */
interface Encoded {
  readonly bytes: Buffer;
  readonly placed: readonly (readonly PlacedRecord[])[];
  readonly sequence: number;
  readonly digest: number;
}

export class ActiveSegment {
  readonly #files: SegmentFiles;
  readonly #health: WalHealth;
  readonly #watch: StallWatch;
  #segment: Segment;
  #handle: FileHandle;
  #offset: number;
  #syncedOffset: number;
  #sequence: number;
  #digest: number;
  #firstSegment: number;
  #framesBefore: number;
  #buffer = Buffer.alloc(0);

  constructor(
    shared: {
      readonly files: SegmentFiles;
      readonly health: WalHealth;
      readonly watch: StallWatch;
    },
    prepared: PreparedSegment,
    position: ActivePosition,
  ) {
    this.#files = shared.files;
    this.#health = shared.health;
    this.#watch = shared.watch;
    this.#segment = prepared.segment;
    this.#handle = prepared.handle;
    this.#offset = position.offset;
    this.#syncedOffset = position.offset;
    this.#sequence = position.sequence;
    this.#digest = position.digest;
    this.#firstSegment = position.firstSegment;
    this.#framesBefore = position.framesBefore;
  }

  get number(): number {
    return this.#segment.number;
  }

  /** Bytes of frames that still fit. */
  get room(): number {
    return this.#segment.bytes - this.#offset;
  }

  get isHalfFull(): boolean {
    return this.#offset * 2 > this.#segment.bytes;
  }

  get isSynced(): boolean {
    return this.#syncedOffset === this.#offset;
  }

  /** The oldest segment that the log needs; each frame says so. */
  get firstSegment(): number {
    return this.#firstSegment;
  }

  /** From the next frame on, segments before `number` are not needed. */
  advanceFirstSegment(number: number): void {
    this.#firstSegment = number;
  }

  /** Encodes one frame per batch, to be written next. They must fit {@link ActiveSegment.room}. */
  encode(batches: readonly (readonly WalRecord[])[]): Encoded {
    let total = 0;
    for (const records of batches) total += frameBytes(records);
    const bytes = this.#zeroed(total);
    const placed: PlacedRecord[][] = [];
    const segment = this.#segment;
    let { sequence, digest } = { sequence: this.#sequence, digest: this.#digest };
    let at = 0;
    for (const records of batches) {
      const unsyncedBytes = this.#offset + at - this.#syncedOffset;
      digest = encodeFrame(bytes, at, records, {
        sequence,
        firstSegment: this.#firstSegment,
        unsyncedBytes,
        previousDigest: digest,
        framesBefore: this.#framesBefore + placed.length,
        salt: segment.salt,
      });
      placed.push(placeRecords(records, segment.number, this.#offset + bodyOffset(at)));
      at += frameBytes(records);
      sequence += 1;
    }
    return { bytes, placed, sequence, digest };
  }

  /** Writes encoded frames. @returns milliseconds. @throws RaftWalError; the log is poisoned then */
  async write(encoded: Encoded): Promise<number> {
    try {
      const { bytes } = encoded;
      const run = () => this.#handle.write(bytes, this.#offset);
      const elapsedMs = await this.#watch.time("write", run);
      this.#advance(encoded);
      return elapsedMs;
    } catch (error) {
      throw this.#health.poison("write", this.#path(), error);
    }
  }

  /** As {@link ActiveSegment.write}, blocking. */
  writeSync(encoded: Encoded): number {
    try {
      const run = () => this.#handle.writeSync(encoded.bytes, this.#offset);
      const elapsedMs = this.#watch.timeSync("write", run);
      this.#advance(encoded);
      return elapsedMs;
    } catch (error) {
      throw this.#health.poison("write", this.#path(), error);
    }
  }

  /** Makes all frames durable. @returns milliseconds. @throws RaftWalError; poisoned then */
  async sync(): Promise<number> {
    if (this.isSynced) return 0;
    const offset = this.#offset;
    try {
      const elapsedMs = await this.#watch.time("sync", () => this.#handle.sync());
      this.#syncedOffset = offset;
      return elapsedMs;
    } catch (error) {
      throw this.#health.poison("sync", this.#path(), error);
    }
  }

  /** As {@link ActiveSegment.sync}, blocking. */
  syncSync(): number {
    if (this.isSynced) return 0;
    try {
      const elapsedMs = this.#watch.timeSync("sync", () => this.#handle.syncSync());
      this.#syncedOffset = this.#offset;
      return elapsedMs;
    } catch (error) {
      throw this.#health.poison("sync", this.#path(), error);
    }
  }

  /** Goes on in `prepared`. Everything before must be synced. */
  switchTo(prepared: PreparedSegment): void {
    if (!this.isSynced) throw new Error("assertion: a segment is left with unsynced frames");
    this.#handle.closeSync();
    this.#files.add(prepared.segment);
    this.#segment = prepared.segment;
    this.#handle = prepared.handle;
    this.#offset = SEGMENT_HEADER_BYTES;
    this.#syncedOffset = SEGMENT_HEADER_BYTES;
    this.#framesBefore = 0;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #advance(encoded: Encoded): void {
    this.#offset += encoded.bytes.length;
    this.#framesBefore += encoded.placed.length;
    this.#sequence = encoded.sequence;
    this.#digest = encoded.digest;
  }

  #path(): string {
    return this.#files.pathOf(this.number);
  }

  #zeroed(bytes: number): Buffer {
    if (bytes > MAX_KEPT_BUFFER_BYTES) return Buffer.alloc(bytes);
    if (bytes > this.#buffer.length) {
      this.#buffer = Buffer.alloc(Math.min(MAX_KEPT_BUFFER_BYTES, bytes * 2));
    }
    return this.#buffer.subarray(0, bytes).fill(0);
  }
}

function placeRecords(
  records: readonly WalRecord[],
  segment: number,
  from: number,
): PlacedRecord[] {
  let offset = from;
  return records.map((record) => {
    const placed = { record, segment, offset };
    offset += recordBytes(record);
    return placed;
  });
}
