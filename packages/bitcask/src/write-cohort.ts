/**
 * Writes that stand next to each other in the queue and are answered together. Puts and batches that
 * ask for the same durability share one cohort, and with it one promise: what is woken at the same
 * moment with the same news needs no promise, no resolver and no book-keeping object of its own.
 * A delete has an answer of its own, so it is a cohort by itself.
 */
import type { SyncMode } from "./options.js";

/** Calls that share an answer: further ones begin another cohort, so that a promise wakes few at once. */
const MAX_COHORT_CALLS = 1024;

export type CohortKind = "write" | "delete" | "sync" | "control";

export class WriteCohort {
  readonly kind: CohortKind;
  readonly sync: SyncMode;
  /** The records lie in `[start, end)` of the segment's buffer. */
  start: number;
  end: number;
  /** How many calls wait for the answer. */
  calls = 0;
  /** Records that may bring a fresh key, and the bytes of their keys. */
  keys = 0;
  keyBytes = 0;
  /** Of a delete that has been applied: whether the key was there. */
  existed = false;
  readonly promise: Promise<unknown>;
  private resolve!: (answer: boolean | undefined) => void;
  private refuse!: (error: unknown) => void;

  constructor(kind: CohortKind, sync: SyncMode, start: number) {
    this.kind = kind;
    this.sync = sync;
    this.start = start;
    this.end = start;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.refuse = reject;
    });
  }

  /** Whether a call of this kind may be answered with those that are in already. */
  takes(kind: CohortKind, sync: SyncMode): boolean {
    const isShared = kind === "write" && kind === this.kind && sync === this.sync;
    return isShared && this.calls < MAX_COHORT_CALLS;
  }

  /** Adds a call whose records end at `end`. */
  add(end: number, keys: number, keyBytes: number): void {
    this.end = end;
    this.calls += 1;
    this.keys += keys;
    this.keyBytes += keyBytes;
  }

  /** Gives a cohort without records another place. */
  moveTo(at: number): void {
    this.start = at;
    this.end = at;
  }

  get bytes(): number {
    return this.end - this.start;
  }

  answer(): void {
    this.resolve(this.kind === "delete" ? this.existed : undefined);
  }

  reject(error: unknown): void {
    this.refuse(error);
  }
}
