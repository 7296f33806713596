/** A hash over all that happens in a run: two runs with the same hash were the same. */

import { crc32 } from "node:zlib";

const FACTOR = 0x9e37_79b1;

export class Trace {
  #numbers = 0x2545_f491;
  #bytes = 0;
  #sink: ((line: string) => void) | undefined;

  /** @param sink gets what happens in words, for people who replay a run */
  constructor(sink?: (line: string) => void) {
    this.#sink = sink;
  }

  get isTold(): boolean {
    return this.#sink !== undefined;
  }

  number(value: number): void {
    const mixed = Math.imul(this.#numbers ^ (value % 2 ** 32), FACTOR);
    this.#numbers = (mixed ^ (mixed >>> 15)) + Math.floor(value / 2 ** 32);
  }

  bytes(bytes: Uint8Array): void {
    this.#bytes = crc32(bytes, this.#bytes);
  }

  text(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.number(text.charCodeAt(at));
  }

  /** Something worth telling; `words` are only made when somebody listens. */
  tell(words: () => string): void {
    this.#sink?.(words());
  }

  /** Sixteen hexadecimal digits. */
  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#numbers) + hex(this.#bytes);
  }
}
