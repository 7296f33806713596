/** Reads what {@link ByteWriter} wrote, from bytes that nobody vouches for. */

import type { Term } from "../../core/ids.js";
import { type LogIndex, type LogPosition, type NodeId, toNodeId } from "../../core/ids.js";

/** Bytes that no correct host writes. Never leaves this folder: callers get the message. */
export class MalformedBytes extends Error {
  override readonly name: string = "MalformedBytes";
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  /** Reads `[from, to)` of `bytes`. */
  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
    if (byte === undefined) throw new MalformedBytes("truncated");
    this.#at += 1;
    return byte;
  }

  u32(): number {
    const low = this.u8() + this.u8() * 2 ** 8;
    return low + this.u8() * 2 ** 16 + this.u8() * 2 ** 24;
  }

  /** @throws MalformedBytes when truncated or above 2^53 - 1 */
  varint(): number {
    let value = this.u8();
    if (value < 128) return value;
    value -= 128;
    for (let scale = 128; scale <= 2 ** 49; scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw new MalformedBytes("a number too large");
  }

  /** A count of things that take `leastBytes` or more each, so that a lie cannot cost memory. */
  count(leastBytes: number): number {
    const count = this.varint();
    if (count * leastBytes > this.remaining) throw new MalformedBytes("a count beyond the end");
    return count;
  }

  /** The next `length` bytes, as a view. */
  bytes(length: number): Uint8Array {
    if (length > this.remaining) throw new MalformedBytes("truncated");
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  sizedBytes(): Uint8Array {
    return this.bytes(this.varint());
  }

  term(): Term {
    return this.varint() as Term;
  }

  index(): LogIndex {
    return this.varint() as LogIndex;
  }

  position(): LogPosition {
    const term = this.term();
    return { term, index: this.index() };
  }

  nodeId(): NodeId {
    const id = this.varint();
    if (id === 0) throw new MalformedBytes("node 0");
    return toNodeId(id);
  }

  nodeIds(): NodeId[] {
    const count = this.count(1);
    const ids: NodeId[] = [];
    for (let taken = 0; taken < count; taken += 1) ids.push(this.nodeId());
    return ids;
  }

  /** @throws MalformedBytes when something is left over */
  expectEnd(): void {
    if (this.remaining !== 0) throw new MalformedBytes(`${this.remaining} bytes left over`);
  }
}
