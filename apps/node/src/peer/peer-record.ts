/**
 * What nodes say to each other beside Raft: records on a stream of the peers' transport, one stream in each
 * direction. The bytes are described in docs/formats/peer-calls.md.
 *
 *     record   u32 LE  bytes behind this field
 *              u8      kind
 *              u32 LE  epoch     of the calling process, drawn at its start
 *              u32 LE  sequence  of the call in that process
 *              …       by kind:
 *     request  u8 method, u32 LE milliseconds that the call may take, then the body
 *     answer   the body
 *     failure  an error, see error-codec.ts
 *     cancel   nothing: the caller does not wait any more
 *     stop     nothing: the sender is stopping, and asks for no more calls
 *     stopped  nothing: the answer to it; no calls follow it on this stream
 *
 * Epoch and sequence name a call: an answer that was meant for an earlier life of a process finds no call.
 */
import { MalformedBytes } from "../wire/byte-reader.js";

/** Tells these streams from snapshots, and their version. */
export const PEER_STREAM_HEADER: Uint8Array = Buffer.from("titan-peer-calls/1", "latin1");

/** Numbers on the wire. */
export const RECORD = {
  request: 1,
  answer: 2,
  failure: 3,
  cancel: 4,
  stop: 5,
  stopped: 6,
} as const;

const SIZE_BYTES = 4;
const HEAD_BYTES = 9;
const REQUEST_HEAD_BYTES = HEAD_BYTES + 5;
const MAX_U32 = 2 ** 32 - 1;

/** A record before it is sent. */
export interface PeerRecord {
  readonly kind: (typeof RECORD)[keyof typeof RECORD];
  readonly epoch: number;
  readonly sequence: number;
  /** Of requests; 0 otherwise. */
  readonly method: number;
  readonly timeoutMs: number;
  readonly body: Uint8Array;
}

/** Bytes that a record takes on the wire. */
export function recordBytes({ kind, body }: PeerRecord): number {
  return SIZE_BYTES + (kind === RECORD.request ? REQUEST_HEAD_BYTES : HEAD_BYTES) + body.length;
}

/** @param bytes of all records together */
export function encodeRecords(records: readonly PeerRecord[], bytes: number): Uint8Array {
  const chunk = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const record of records) {
    const isRequest = record.kind === RECORD.request;
    const size = (isRequest ? REQUEST_HEAD_BYTES : HEAD_BYTES) + record.body.length;
    chunk.writeUInt32LE(size, at);
    chunk[at + 4] = record.kind;
    chunk.writeUInt32LE(record.epoch, at + 5);
    chunk.writeUInt32LE(record.sequence, at + 9);
    at += SIZE_BYTES + HEAD_BYTES;
    if (isRequest) {
      chunk[at] = record.method;
      chunk.writeUInt32LE(Math.min(Math.max(0, Math.ceil(record.timeoutMs)), MAX_U32), at + 1);
      at += 5;
    }
    chunk.set(record.body, at);
    at += record.body.length;
  }
  return chunk;
}

/** Cuts what comes in by a stream into records, wherever the stream was cut. */
export class RecordReader {
  readonly #maxBytes: number;
  readonly #onRecord: (record: PeerRecord) => void;
  /** The beginning of a record whose end has not come. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #needed = 0;

  /** @param maxBytes of a record: larger ones are not believed */
  constructor(maxBytes: number, onRecord: (record: PeerRecord) => void) {
    this.#maxBytes = maxBytes;
    this.#onRecord = onRecord;
  }

  /** @throws MalformedBytes; the stream is of no use then */
  push(piece: Uint8Array): void {
    const chunk = this.#join(piece);
    if (chunk === undefined) return;
    let at = 0;
    for (;;) {
      const left = chunk.length - at;
      const size = left < SIZE_BYTES ? 0 : u32(chunk, at);
      if (left >= SIZE_BYTES && (size < HEAD_BYTES || size > this.#maxBytes)) {
        throw new MalformedBytes(`a record of ${size} bytes`);
      }
      if (left < SIZE_BYTES + size || left < SIZE_BYTES) {
        this.#hold(chunk.subarray(at), SIZE_BYTES + size);
        return;
      }
      at += SIZE_BYTES;
      this.#onRecord(decodeRecord(chunk, at, at + size));
      at += size;
    }
  }

  #join(piece: Uint8Array): Uint8Array | undefined {
    if (this.#heldBytes === 0) return piece;
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes < this.#needed) return undefined;
    const chunk = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return chunk;
  }

  #hold(rest: Uint8Array, needed: number): void {
    if (rest.length === 0) return;
    this.#held = [rest];
    this.#heldBytes = rest.length;
    this.#needed = needed;
  }
}

function decodeRecord(chunk: Uint8Array, from: number, to: number): PeerRecord {
  const kind = chunk[from] ?? 0;
  const epoch = u32(chunk, from + 1);
  const sequence = u32(chunk, from + 5);
  const at = from + HEAD_BYTES;
  switch (kind) {
    case RECORD.request: {
      if (to - from < REQUEST_HEAD_BYTES) throw new MalformedBytes("a request without a head");
      const method = chunk[at] ?? 0;
      const timeoutMs = u32(chunk, at + 1);
      return { kind, epoch, sequence, method, timeoutMs, body: chunk.subarray(at + 5, to) };
    }
    case RECORD.answer:
    case RECORD.failure:
    case RECORD.cancel:
    case RECORD.stop:
    case RECORD.stopped:
      return { kind, epoch, sequence, method: 0, timeoutMs: 0, body: chunk.subarray(at, to) };
    default:
      throw new MalformedBytes(`a record of kind ${kind}`);
  }
}

function u32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 2 ** 8 + (bytes[at + 2] ?? 0) * 2 ** 16;
  return low + (bytes[at + 3] ?? 0) * 2 ** 24;
}
