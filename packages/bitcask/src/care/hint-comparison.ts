/** Holds a hint beside the records of its data file while these are walked in order. */
import {
  BATCH_END,
  BATCH_PART,
  CONTROL,
  HAS_EXPIRY,
  type RecordHeader,
  TOMBSTONE,
} from "../record-format.js";
import type { BeforeWalkGoesOn } from "./batch-check.js";
import type { LostRecord } from "./damage.js";
import type { HintCursor } from "./hint-cursor.js";

/** What a hint knows of one damaged record. */
export interface HintedLoss {
  /** `undefined` for the engine's own control records. */
  readonly lost: LostRecord | undefined;
  /** Where the record ends. */
  readonly end: number;
  readonly sequence: number;
  readonly isBatchMember: boolean;
  readonly before: BeforeWalkGoesOn;
}

export class HintComparison {
  private readonly cursor: HintCursor | undefined;
  private mismatch: string | undefined;

  constructor(cursor: HintCursor | undefined) {
    this.cursor = cursor;
  }

  /** Compares a sound record; `expiresAt` is the time floor of a control record. */
  compare(header: Readonly<RecordHeader>, key: Buffer, expiresAt: number, position: number): void {
    const cursor = this.usable(position);
    if (cursor === undefined) return;
    const { entry } = cursor;
    const flags = header.flags & CONTROL ? CONTROL | HAS_EXPIRY : header.flags;
    const isSame =
      !cursor.isAtEnd &&
      entry.position === position &&
      entry.sequence === header.sequence &&
      entry.flags === flags &&
      entry.valueSize === header.valueSize &&
      entry.expiresAt === expiresAt &&
      cursor.key.equals(key);
    if (isSame) cursor.next();
    else this.mismatch = `it does not say of the record at ${position} what the data file holds`;
  }

  /** What the hint knows of the damaged record at `position`, in a file that ends at `fileEnd`. */
  take(position: number, fileEnd: number): HintedLoss | undefined {
    const cursor = this.usable(position);
    if (cursor === undefined) return undefined;
    const { flags, sequence } = cursor.entry;
    if (cursor.isAtEnd || cursor.entry.position !== position) {
      this.mismatch = `it does not know of a record at ${position}`;
      return undefined;
    }
    const { key } = cursor;
    const isDeletion = (flags & TOMBSTONE) !== 0;
    const lost: LostRecord | undefined =
      flags & CONTROL
        ? undefined
        : { key: Uint8Array.from(key), sequence, isDeletion, source: "hint" };
    const before = flags & BATCH_PART ? "inside a batch" : "between batches";
    const isBatchMember = (flags & (BATCH_PART | BATCH_END)) !== 0;
    cursor.next();
    const end = cursor.isAtEnd ? cursor.header.coveredBytes : cursor.entry.position;
    if (end <= position || end > fileEnd) {
      this.mismatch = "its entries are not in the order of the data file";
      return undefined;
    }
    return { lost, end, sequence, isBatchMember, before };
  }

  /** In words, why the hint is not to be used; `undefined` when it agrees with the data. */
  finish(): string | undefined {
    if (this.cursor === undefined || this.mismatch !== undefined) return this.mismatch;
    return this.cursor.isAtEnd
      ? this.cursor.fault
      : "it has entries for records that are not there";
  }

  private usable(position: number): HintCursor | undefined {
    if (this.mismatch !== undefined || this.cursor === undefined) return undefined;
    return position < this.cursor.header.coveredBytes ? this.cursor : undefined;
  }
}
