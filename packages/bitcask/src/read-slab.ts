import { ByteView } from "./byte-view.js";

const SLAB_BYTES = 16 * 1024;
/** Larger records get memory of their own. */
export const MAX_SLAB_RECORD_BYTES = 2048;

/**
 * Memory for small records and values that are handed out: making a piece of a slab costs half of making
 * an array. A value that is kept keeps its slab of 16 KiB.
 */
export class ReadSlab {
  private slab = ByteView.allocate(SLAB_BYTES);
  private next = 0;

  /** The memory that the last claim is in. */
  get source(): ByteView {
    return this.slab;
  }

  /** Offset of `bytes` bytes, at most {@link MAX_SLAB_RECORD_BYTES}, which nobody else will get. */
  claim(bytes: number): number {
    if (this.next + bytes > SLAB_BYTES) {
      this.slab = ByteView.allocate(SLAB_BYTES);
      this.next = 0;
    }
    const at = this.next;
    this.next += bytes;
    return at;
  }
}
