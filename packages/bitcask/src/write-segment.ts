/**
 * Encoded records waiting to be written, in one contiguous buffer, with the calls that wait for them.
 * A group commit writes a run of operations of one segment in one go.
 */
import {
  BATCH_END,
  BATCH_PART,
  CONTROL,
  type RecordContent,
  writeRecord,
} from "./record-format.js";

/** Size at which a segment takes no further operation. Two pages of a megabyte keep writes large. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 16 * 1024;

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
  readonly resolve: (existed: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class WriteSegment {
  buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
  length = 0;
  operations: QueuedOperation[] = [];
  /** Index of the first operation that has not been taken by a group. */
  taken = 0;

  get isFull(): boolean {
    return this.length >= SEGMENT_BYTES;
  }

  get isDone(): boolean {
    return this.taken === this.operations.length;
  }

  /** Encodes the records behind the others. @returns where they begin */
  write(records: readonly RecordContent[], bytes: number): number {
    this.reserve(bytes);
    const start = this.length;
    const last = records.length - 1;
    for (let index = 0; index <= last; index++) {
      const flags = last === 0 ? 0 : index < last ? BATCH_PART : BATCH_END;
      this.length = writeRecord(this.buffer, this.length, records[index] as RecordContent, flags);
    }
    return start;
  }

  /** Encodes one record, as {@link WriteSegment.write}. */
  writeOne(record: RecordContent, bytes: number, isControl: boolean): number {
    this.reserve(bytes);
    const start = this.length;
    this.length = writeRecord(this.buffer, start, record, isControl ? CONTROL : 0);
    return start;
  }

  /** Makes the segment as new; keeps a buffer of moderate size. */
  reset(): void {
    this.length = 0;
    this.operations = [];
    this.taken = 0;
    if (this.buffer.length > 2 * SEGMENT_BYTES)
      this.buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(
      Math.max(needed, Math.min(this.buffer.length * 2, SEGMENT_BYTES)),
    );
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}
