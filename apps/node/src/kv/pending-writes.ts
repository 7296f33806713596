/**
 * Writes that the store has taken but not yet answered, by key.
 *
 * A conditional write must decide on the state that its write will meet, and that is the state left by
 * the writes called before it, answered or not. Deciding on it in the same turn in which the write is
 * called makes the decision and the write one atomic step, with no lock, and lets any number of
 * conditional writes to one key share a sync.
 *
 * An answer that rests on an unanswered write waits for it: if that one fails, so must the answer.
 */
import type { Revision } from "./revision.js";

/** What a key holds. */
export interface Entry {
  readonly value: Uint8Array;
  readonly revision: Revision;
  /** Wall-clock milliseconds; `undefined` when it does not expire. */
  readonly expiresAtMs: number | undefined;
}

/** The last unanswered write to a key. */
export interface PendingWrite {
  /** What the write leaves; `undefined` for a delete. */
  readonly entry: Entry | undefined;
  /** Settles with the write. */
  readonly settled: Promise<void>;
}

/** The last unanswered write of each key. Bounded by the writes that are admitted at once. */
export class PendingWrites {
  readonly #byKey = new Map<string, PendingWrite>();

  /** Keys with an unanswered write. */
  get size(): number {
    return this.#byKey.size;
  }

  get(storeKey: Buffer): PendingWrite | undefined {
    // Most reads meet no unanswered write at all; they need no map key.
    if (this.#byKey.size === 0) return undefined;
    return this.#byKey.get(mapKey(storeKey));
  }

  /** Records a write that was just called. Later ones to the same key take its place. */
  add(storeKey: Buffer, write: PendingWrite): void {
    this.#byKey.set(mapKey(storeKey), write);
  }

  /** Forgets a settled write, unless a later one to the same key has taken its place. */
  remove(storeKey: Buffer, write: PendingWrite): void {
    const key = mapKey(storeKey);
    if (this.#byKey.get(key) === write) this.#byKey.delete(key);
  }
}

/** One character per byte: equal strings exactly for equal bytes. */
function mapKey(storeKey: Buffer): string {
  return storeKey.toString("latin1");
}
