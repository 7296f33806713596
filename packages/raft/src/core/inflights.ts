/**
 * The sliding window of append messages that a follower has not acknowledged: bounded in
 * messages and in bytes. A ring that grows on demand, because most followers need few slots.
 *
 * Invariant: indexes in the window ascend from the oldest to the newest.
 */

import { invariant } from "./errors.js";
import type { LogIndex } from "./ids.js";

interface Inflight {
  /** Index of the last entry of the message. */
  readonly index: LogIndex;
  /** Payload bytes of the message. */
  readonly bytes: number;
}

const FIRST_SLOTS = 8;

export class Inflights {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #slots: (Inflight | undefined)[] = [];
  #oldest = 0;
  #count = 0;
  #bytes = 0;

  /**
   * @param maxMessages at least 1
   * @param maxBytes Infinity for no limit. The last message may go over it: a window always has
   *   room for one, however large.
   */
  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** No further message may be sent before one is acknowledged. */
  get isFull(): boolean {
    return this.#count >= this.#maxMessages || (this.#count > 0 && this.#bytes >= this.#maxBytes);
  }

  /** Records a message just sent. */
  add(index: LogIndex, bytes: number): void {
    invariant(!this.isFull, () => "a message was sent into a full window");
    if (this.#count === this.#slots.length) this.#grow();
    this.#slots[(this.#oldest + this.#count) % this.#slots.length] = { index, bytes };
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Frees every message whose last entry is at or before `index`. */
  freeThrough(index: LogIndex): void {
    while (this.#count > 0) {
      const first = this.#slots[this.#oldest];
      if (first === undefined || first.index > index) return;
      this.#slots[this.#oldest] = undefined;
      this.#oldest = (this.#oldest + 1) % this.#slots.length;
      this.#count -= 1;
      this.#bytes -= first.bytes;
    }
  }

  clear(): void {
    this.#slots = [];
    this.#oldest = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const size = Math.min(Math.max(FIRST_SLOTS, this.#slots.length * 2), this.#maxMessages);
    const slots = Array.from<Inflight | undefined>({ length: size });
    for (let i = 0; i < this.#count; i += 1) {
      slots[i] = this.#slots[(this.#oldest + i) % this.#slots.length];
    }
    this.#slots = slots;
    this.#oldest = 0;
  }
}
