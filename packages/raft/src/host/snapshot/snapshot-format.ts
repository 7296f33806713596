/**
 * Snapshots as bytes, the same on disk and between hosts. All numbers are little-endian.
 *
 *     chunk   bytes (u32, 1 or more), CRC-32 of them (u32, seeded with the chunk's number from 0), bytes
 *     end     0 (u32), CRC-32 of the next 12 bytes (u32), chunks (u32), bytes in all chunks (u64)
 *
 * Nothing follows the end. A chunk in another's place, a missing one or a missing end is noticed.
 */

import { crc32 } from "node:zlib";
import { readU64, writeU64 } from "../../wal/byte-layout.js";
import { RaftHostError } from "../errors.js";
import type { SnapshotChunks } from "../state-machine.js";

/** Bytes of a chunk, but for the last one. */
export const CHUNK_BYTES = 256 * 1024;
/** Largest chunk that is believed. */
const MAX_CHUNK_BYTES = 4 * CHUNK_BYTES;
const CHUNK_HEADER_BYTES = 8;
const END_BYTES = 20;

/** Puts what a state machine yields, in pieces of any size, into chunks. */
export async function* encodeChunks(pieces: SnapshotChunks): AsyncGenerator<Buffer> {
  let chunk = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + CHUNK_BYTES);
  let filled = 0;
  let count = 0;
  let total = 0;
  const seal = (): Buffer => {
    const sealed = sealChunk(chunk.subarray(0, CHUNK_HEADER_BYTES + filled), count);
    total += filled;
    count += 1;
    filled = 0;
    chunk = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + CHUNK_BYTES);
    return sealed;
  };
  for await (const piece of pieces) {
    let at = 0;
    while (at < piece.length) {
      const taken = Math.min(piece.length - at, CHUNK_BYTES - filled);
      chunk.set(piece.subarray(at, at + taken), CHUNK_HEADER_BYTES + filled);
      filled += taken;
      at += taken;
      if (filled === CHUNK_BYTES) yield seal();
    }
  }
  if (filled > 0) yield seal();
  yield encodeEnd(count, total);
}

function sealChunk(chunk: Buffer, number: number): Buffer {
  chunk.writeUInt32LE(chunk.length - CHUNK_HEADER_BYTES, 0);
  chunk.writeUInt32LE(crc32(chunk.subarray(CHUNK_HEADER_BYTES), number), 4);
  return chunk;
}

function encodeEnd(count: number, total: number): Buffer {
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(count, 8);
  writeU64(end, total, 12);
  end.writeUInt32LE(crc32(end.subarray(8)), 4);
  return end;
}

/** Takes a stream of chunks apart, in pieces as they happen to come, and checks them. */
export class ChunkDecoder {
  #rest: Buffer = Buffer.alloc(0);
  #count = 0;
  #total = 0;
  #isComplete = false;

  /** The end has been read: all of it is there and intact. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * @returns the data of the chunks that are complete with `bytes`, as copies or views of it
   * @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED`
   */
  push(bytes: Uint8Array): Buffer[] {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const input = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const found: Buffer[] = [];
    let at = 0;
    while (input.length - at >= CHUNK_HEADER_BYTES) {
      if (this.#isComplete) throw damaged("bytes behind the end");
      const length = input.readUInt32LE(at);
      if (length === 0) {
        if (input.length - at < END_BYTES) break;
        this.#readEnd(input.subarray(at, at + END_BYTES));
        at += END_BYTES;
        continue;
      }
      if (length > MAX_CHUNK_BYTES) throw damaged(`a chunk of ${length} bytes`);
      const end = at + CHUNK_HEADER_BYTES + length;
      if (input.length < end) break;
      const data = input.subarray(at + CHUNK_HEADER_BYTES, end);
      if (crc32(data, this.#count) !== input.readUInt32LE(at + 4)) {
        throw damaged(`chunk ${this.#count} fails its checksum`);
      }
      found.push(data);
      this.#count += 1;
      this.#total += length;
      at = end;
    }
    if (this.#isComplete && at < input.length) throw damaged("bytes behind the end");
    // A copy: the rest must not keep a large buffer alive.
    this.#rest = Buffer.from(input.subarray(at));
    return found;
  }

  /** @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED` when the end is missing */
  expectComplete(): void {
    if (!this.#isComplete) throw damaged(`cut off after ${this.#count} chunks`);
  }

  #readEnd(end: Buffer): void {
    const isIntact =
      crc32(end.subarray(8)) === end.readUInt32LE(4) &&
      end.readUInt32LE(8) === this.#count &&
      readU64(end, 12) === this.#total;
    if (!isIntact) throw damaged("its end does not fit its chunks");
    this.#isComplete = true;
  }
}

function damaged(what: string): RaftHostError {
  return new RaftHostError({
    code: "RAFT_HOST_SNAPSHOT_DAMAGED",
    message: `a damaged snapshot: ${what}`,
  });
}
