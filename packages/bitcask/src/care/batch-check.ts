/**
 * Watches the rules of batches along a walk that may step over damage: a batch is whole, or every part
 * of it counts as damage.
 */
import { BATCH_END, BATCH_PART, type RecordHeader } from "../record-format.js";
import type { ByteRange } from "./record-walk.js";

/** What is known of the last record inside a damaged range. */
export type BeforeWalkGoesOn = "inside a batch" | "between batches" | "unknown";

export class BatchCheck {
  private readonly onBroken: (range: ByteRange, what: string) => void;
  /** Where the batch begins that is still open. */
  private openSince: number | undefined;
  private lastSequence = 0;
  private state: BeforeWalkGoesOn = "between batches";

  constructor(onBroken: (range: ByteRange, what: string) => void) {
    this.onBroken = onBroken;
  }

  /** Where the batch begins that has not ended yet. */
  get openBatch(): number | undefined {
    return this.openSince;
  }

  add({ flags, sequence, recordSize }: Readonly<RecordHeader>, position: number): void {
    const isMember = (flags & (BATCH_PART | BATCH_END)) !== 0;
    const end = position + recordSize;
    if (this.openSince !== undefined && !(isMember && sequence === this.lastSequence + 1)) {
      this.breakOff(position, "a batch is interrupted by another record");
    }
    this.lastSequence = sequence;
    if (!isMember) {
      this.state = "between batches";
      return;
    }
    const isLast = (flags & BATCH_END) !== 0;
    if (this.state === "between batches") {
      if (isLast && this.openSince === undefined) {
        this.onBroken({ from: position, to: end }, "a batch ends that never began");
      } else if (isLast) {
        this.openSince = undefined;
      } else {
        this.openSince ??= position;
      }
      return;
    }
    // The beginning of this batch may have been damaged: without proof that it is whole, it is not.
    const what =
      this.state === "unknown"
        ? "a batch whose beginning may lie in the damage before it"
        : "a batch whose beginning is damaged";
    this.onBroken({ from: position, to: end }, what);
    if (isLast) this.state = "between batches";
  }

  /** Bytes up to `range.to` were damaged. */
  skip(range: ByteRange, before: BeforeWalkGoesOn): void {
    if (this.openSince !== undefined) this.breakOff(range.from, "a batch with a damaged part");
    this.state = before;
  }

  /** The walk is over. */
  finish(end: number): void {
    if (this.openSince !== undefined) this.breakOff(end, "a batch without its end");
  }

  private breakOff(end: number, what: string): void {
    if (this.openSince === undefined) return;
    this.onBroken({ from: this.openSince, to: end }, what);
    this.openSince = undefined;
  }
}
