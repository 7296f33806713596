/**
 * Encoded records waiting to be written, in one contiguous buffer, with the calls that wait for them.
 * A group commit writes a run of cohorts of one segment in one go.
 */
import { RecordBuffer, type RecordEncoding } from "./record-buffer.js";
import { BATCH_END, BATCH_PART } from "./record-format.js";
import type { WriteCohort } from "./write-cohort.js";

/** Size at which a segment takes no further write. Some megabytes keep writes large. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 16 * 1024;

/** A put, or a delete when `value` is `undefined`. `expiresAt` in ms, 0 for never. */
export interface QueuedRecord {
  readonly key: Uint8Array | string;
  readonly value: Uint8Array | string | undefined;
  readonly expiresAt: number;
}

export class WriteSegment {
  readonly records: RecordBuffer;
  /** In the order of the calls. Invariant: each begins where the one before ends. */
  cohorts: WriteCohort[] = [];
  /** Index of the first cohort that has not been taken by a group. */
  taken = 0;

  constructor(encoding: RecordEncoding) {
    this.records = new RecordBuffer(FIRST_BUFFER_BYTES, SEGMENT_BYTES, encoding);
  }

  get isFull(): boolean {
    return this.records.length >= SEGMENT_BYTES;
  }

  get isDone(): boolean {
    return this.taken === this.cohorts.length;
  }

  /** The cohort that the next call may join. */
  get lastCohort(): WriteCohort | undefined {
    return this.cohorts.at(-1);
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
    this.cohorts = [];
    this.taken = 0;
  }
}
