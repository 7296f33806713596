/**
 * Holds back the records of a batch until its end has been seen. Records that belong to no batch pass
 * straight through.
 */
import { BATCH_END, BATCH_PART } from "./record-format.js";

interface HeldRecord<T> {
  readonly record: T;
  readonly key: Uint8Array;
}

export class BatchAssembler<T extends { readonly flags: number; readonly sequence: number }> {
  private readonly deliver: (record: T, key: Uint8Array) => void;
  private held: HeldRecord<T>[] = [];
  private lastSequence = 0;
  /** Where the batch that is still open began. */
  openSince: number | undefined;
  /** In words, what breaks the rules of batches; `undefined` while nothing has. */
  fault: string | undefined;

  constructor(deliver: (record: T, key: Uint8Array) => void) {
    this.deliver = deliver;
  }

  /**
   * Takes the next record of the file; `record` is kept, `key` copied. Does nothing after a fault.
   * @returns whether the record was taken
   */
  add(record: T, key: Uint8Array, position: number): boolean {
    if (this.fault !== undefined) return false;
    const isMember = (record.flags & (BATCH_PART | BATCH_END)) !== 0;
    const isOpen = this.openSince !== undefined;
    if (isOpen && (!isMember || record.sequence !== this.lastSequence + 1)) {
      this.fault = "a batch is interrupted by another record";
      return false;
    }
    this.lastSequence = record.sequence;
    if (!isMember) {
      this.deliver(record, key);
      return true;
    }
    if (record.flags & BATCH_PART) {
      this.openSince ??= position;
      this.held.push({ record, key: Uint8Array.from(key) });
      return true;
    }
    if (!isOpen) {
      this.fault = "a batch ends that never began";
      return false;
    }
    for (const held of this.held) this.deliver(held.record, held.key);
    this.deliver(record, key);
    this.held = [];
    this.openSince = undefined;
    return true;
  }
}
