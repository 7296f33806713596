/**
 * A session of writes: gives each a number, by which the cluster recognises one that is sent again.
 *
 * The cluster remembers the answers of the last `WINDOW` numbers that are not acknowledged, so no number is given
 * out that is further ahead. Invariants: `low <= next <= low + WINDOW`; every number below `low` has settled.
 */
import type { WriteId } from "@titan/proto";

/** Unacknowledged writes that the cluster remembers (docs/formats/shard.md). */
export const WINDOW = 256;

export class WriteSession {
  private next = 1;
  private low = 1;
  /** By number, modulo `WINDOW`. */
  private readonly settled = Array.from({ length: WINDOW }, () => false);
  /** The cluster has forgotten it, at least in part. */
  isLost = false;

  constructor(readonly id: Uint8Array) {}

  get hasRoom(): boolean {
    return !this.isLost && this.next < this.low + WINDOW;
  }

  /** To be called when there is room. The write must be settled. */
  take(): number {
    const sequence = this.next;
    this.next += 1;
    this.settled[sequence % WINDOW] = false;
    return sequence;
  }

  /** How a message names a write. */
  writeId(sequence: number): WriteId {
    return { sessionId: this.id, sequence, acknowledgedBelow: this.low };
  }

  /** The write has ended, in whatever way, and will not be sent again. */
  settle(sequence: number): void {
    this.settled[sequence % WINDOW] = true;
    while (this.low < this.next && this.settled[this.low % WINDOW] === true) this.low += 1;
  }
}
