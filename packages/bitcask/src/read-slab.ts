import { markAsUntransferable } from "node:worker_threads";
import { ByteView } from "./byte-view.js";

const SLAB_BYTES = 16 * 1024;
/** A larger piece comes from a larger slab. */
const MAX_SMALL_BYTES = 2048;
const LARGE_SLAB_BYTES = 64 * 1024;
/** Larger records get memory of their own. */
export const MAX_SLAB_RECORD_BYTES = 16 * 1024;
/** Up to here a loop over words is faster than a call of `set`, with the view that it needs. */
const MAX_LOOP_BYTES = 320;

/**
 * Memory for records and values that are handed out: making a piece of a slab costs a fraction of making
 * an array. A value that is kept keeps its slab of 16 KiB, one beyond 2 KiB its slab of 64 KiB. The
 * values of a slab have different owners, so none of them may transfer it to another thread.
 */
export class ReadSlab {
  private small = new Slab(SLAB_BYTES);
  private large: Slab | undefined;
  private current = this.small;

  /** The memory that the last claim is in. */
  get source(): ByteView {
    return this.current.source;
  }

  /** Offset of `bytes` bytes, at most {@link MAX_SLAB_RECORD_BYTES}, which nobody else will get. */
  claim(bytes: number): number {
    const slab = this.slabFor(bytes);
    this.current = slab;
    const at = slab.next;
    // Whole words, for `copyOf`.
    slab.next = at + ((bytes + 3) & ~3);
    return at;
  }

  /**
   * A copy of `size` bytes from word `from` of `words` on, which are the same memory as `bytes`. Up to
   * three bytes behind them are read, and must be there.
   */
  copyOf(bytes: Uint8Array, words: Int32Array, from: number, size: number): Uint8Array {
    // Not `slice`: a Buffer's does not copy.
    if (size > MAX_SLAB_RECORD_BYTES)
      return new Uint8Array(bytes.subarray(4 * from, 4 * from + size));
    const at = this.claim(size);
    const slab = this.current;
    if (size <= MAX_LOOP_BYTES) {
      const target = slab.words;
      const count = (size + 3) >>> 2;
      const to = at >>> 2;
      for (let index = 0; index < count; index++) {
        target[to + index] = words[from + index] as number;
      }
    } else {
      slab.source.bytes.set(bytes.subarray(4 * from, 4 * from + size), at);
    }
    return new Uint8Array(slab.words.buffer, at, size);
  }

  private slabFor(bytes: number): Slab {
    if (bytes <= MAX_SMALL_BYTES) {
      if (this.small.next + bytes > SLAB_BYTES) this.small = new Slab(SLAB_BYTES);
      return this.small;
    }
    if (this.large === undefined || this.large.next + bytes > LARGE_SLAB_BYTES) {
      this.large = new Slab(LARGE_SLAB_BYTES);
    }
    return this.large;
  }
}

class Slab {
  readonly source: ByteView;
  readonly words: Int32Array;
  next = 0;

  constructor(bytes: number) {
    this.source = ByteView.allocate(bytes);
    const { buffer } = this.source.bytes;
    // A transfer would empty every other value in it, and the room that is left.
    markAsUntransferable(buffer);
    this.words = new Int32Array(buffer, 0, bytes >>> 2);
  }
}
