/**
 * Revisions: numbers that grow with every write and never come twice, restarts included.
 *
 * They are handed out from memory. What is stored is a bound above every number handed out so far; it
 * is moved ahead by a block at a time, durably, before the first number of the block is used. After a
 * crash counting goes on at the bound, so revisions then skip up to two blocks; a clean close stores
 * the exact next number and skips none.
 */

declare const brand: unique symbol;

/** When a key was last changed. Positive safe integer; 0 stands for "never". */
export type Revision = number & { readonly [brand]: "Revision" };

/** The revision of a key that is not there. */
export const NO_REVISION = toRevision(0);

/** Revisions set aside by one durable write. */
export const REVISION_BLOCK = 1_048_576;

/** Checks a number that comes from outside. */
export function toRevision(value: number): Revision {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a revision: ${value}`);
  return value as Revision;
}

/** Hands out revisions. */
export class RevisionSource {
  // Invariant: #next <= #bound, and #bound is durable.
  #next: number;
  #bound: number;
  readonly #store: (bound: number) => Promise<void>;
  #reserving: Promise<void> | undefined;

  private constructor(next: number, store: (bound: number) => Promise<void>) {
    this.#next = next;
    this.#bound = next;
    this.#store = store;
  }

  /**
   * Begins at `next` and sets a first block aside.
   * @param next above every revision handed out before
   * @param store makes a bound durable; called for one bound at a time
   */
  static async open(
    next: number,
    store: (bound: number) => Promise<void>,
  ): Promise<RevisionSource> {
    const source = new RevisionSource(next, store);
    await source.reserve();
    return source;
  }

  /** The highest revision handed out so far, in this life of the process or an earlier one. */
  get last(): Revision {
    return (this.#next - 1) as Revision;
  }

  /** Whether {@link RevisionSource.take} would fail now. */
  get isExhausted(): boolean {
    return this.#next >= this.#bound;
  }

  /** The next revision. Call {@link RevisionSource.reserve} first when exhausted. */
  take(): Revision {
    if (this.isExhausted) throw new Error("revisions are exhausted: reserve() first");
    const revision = this.#next as Revision;
    this.#next += 1;
    // A failure comes back to whoever next finds the block used up; until then nobody waits for it.
    if (this.#bound - this.#next === REVISION_BLOCK / 2) this.reserve().catch(() => undefined);
    return revision;
  }

  /** Sets another block aside; calls at the same time share one write. */
  reserve(): Promise<void> {
    this.#reserving ??= this.#reserve().finally(() => {
      this.#reserving = undefined;
    });
    return this.#reserving;
  }

  async #reserve(): Promise<void> {
    const bound = this.#bound + REVISION_BLOCK;
    if (!Number.isSafeInteger(bound)) throw new RangeError("revisions are used up");
    await this.#store(bound);
    this.#bound = bound;
  }

  /** Stores the exact next number. No revision may be taken afterwards. */
  async close(): Promise<void> {
    await this.#reserving?.catch(() => undefined);
    this.#bound = this.#next;
    await this.#store(this.#next);
  }
}
