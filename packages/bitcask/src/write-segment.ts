/**
 * Encoded records waiting to be written, in one contiguous buffer, with the calls that wait for them.
 * A group commit writes a run of operations of one segment in one go.
 */
import { RecordBuffer, type RecordEncoding } from "./record-buffer.js";
import { BATCH_END, BATCH_PART } from "./record-format.js";

/** Size at which a segment takes no further operation. Some megabytes keep writes large. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 16 * 1024;

/** A put, or a delete when `value` is `undefined`. `expiresAt` in ms, 0 for never. */
export interface QueuedRecord {
  readonly key: Uint8Array | string;
  readonly value: Uint8Array | string | undefined;
  readonly expiresAt: number;
}

export interface QueuedOperation {
  readonly kind: "put" | "delete" | "batch" | "sync" | "control";
  /** The operation's records lie in `[start, end)` of the segment's buffer. */
  readonly start: number;
  readonly end: number;
  /** Records among them that may bring a fresh key, and the bytes of their keys. */
  readonly keys: number;
  readonly keyBytes: number;
  readonly mustSync: boolean;
  readonly isTimed: boolean;
  /** Of a delete that has been applied: whether the key was there. */
  existed: boolean;
  readonly resolve: (existed: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class WriteSegment {
  readonly records: RecordBuffer;
  operations: QueuedOperation[] = [];
  /** Index of the first operation that has not been taken by a group. */
  taken = 0;

  constructor(encoding: RecordEncoding) {
    this.records = new RecordBuffer(FIRST_BUFFER_BYTES, SEGMENT_BYTES, encoding);
  }

  get isFull(): boolean {
    return this.records.length >= SEGMENT_BYTES;
  }

  get isDone(): boolean {
    return this.taken === this.operations.length;
  }

  /**
   * Encodes the records behind the others; two or more are a batch.
   * @throws BitcaskError `BITCASK_INVALID_STRING`; the segment is then as it was
   */
  write(records: readonly QueuedRecord[]): void {
    const { length } = this.records;
    const last = records.length - 1;
    try {
      for (let index = 0; index <= last; index++) {
        const { key, value, expiresAt } = records[index] as QueuedRecord;
        const flags = last === 0 ? 0 : index < last ? BATCH_PART : BATCH_END;
        this.records.append(key, value, expiresAt, flags);
      }
    } catch (error) {
      this.records.length = length;
      throw error;
    }
  }

  /** Makes the segment as new; keeps a buffer of moderate size. */
  reset(): void {
    this.records.clear(2 * SEGMENT_BYTES);
    this.operations = [];
    this.taken = 0;
  }
}
