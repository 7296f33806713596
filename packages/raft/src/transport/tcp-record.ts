/**
 * What goes over a connection once both ends have shaken hands: records.
 *
 *     u32   kind in the upper 4 bits, length of the body in the lower 28
 *     u32   CRC-32 of the body, begun with the first field: that of an empty body is that field itself
 *     body
 *
 * A record that does not fit is the end of its connection: where the next one begins is then unknown.
 * The format is described in docs/formats/raft-transport.md.
 */

import { crc32 } from "node:zlib";
import type { TcpFault } from "./tcp-faults.js";

export const RECORD_HEADER_BYTES = 8;
/** Largest body that a header can tell of. */
export const MAX_RECORD_BYTES = 2 ** 28 - 1;
/** Bodies up to here are copied together, so that many leave in one piece. */
const MAX_COPIED_BYTES = 16 * 1024;

/** Codes on the wire, from 1, never used for something else. */
export const RECORD_KIND = {
  /** Nothing but a sign of life. No body. */
  beat: 1,
  frame: 2,
  streamHeader: 3,
  streamChunk: 4,
  /** No body. */
  streamEnd: 5,
  streamAnswer: 6,
} as const;

export type RecordKind = (typeof RECORD_KIND)[keyof typeof RECORD_KIND];

/** A record to be sent. */
export interface OutgoingRecord {
  readonly kind: RecordKind;
  readonly body: Uint8Array;
}

/** Bytes of many records, in as few pieces as copying is worth. Large bodies are not copied. */
export function encodeRecords(records: readonly OutgoingRecord[]): Uint8Array[] {
  let copied = 0;
  for (const { body } of records) {
    copied += RECORD_HEADER_BYTES + (body.length > MAX_COPIED_BYTES ? 0 : body.length);
  }
  const buffer = Buffer.allocUnsafe(copied);
  const pieces: Uint8Array[] = [];
  let from = 0;
  let at = 0;
  for (const { kind, body } of records) {
    const head = kind * 2 ** 28 + body.length;
    buffer.writeUInt32LE(head, at);
    buffer.writeUInt32LE(crc32(body, head), at + 4);
    at += RECORD_HEADER_BYTES;
    if (body.length > MAX_COPIED_BYTES) {
      pieces.push(buffer.subarray(from, at), body);
      from = at;
    } else {
      buffer.set(body, at);
      at += body.length;
    }
  }
  if (at > from) pieces.push(buffer.subarray(from, at));
  return pieces;
}

export interface RecordReaderDeps {
  /** Largest body of a kind; below 0 for kinds that are not expected. */
  readonly maxBytes: (kind: number) => number;
  /** A body is a view of what was pushed when it came in one piece, else bytes of its own. */
  readonly onRecord: (kind: RecordKind, body: Uint8Array) => void;
}

/** Room that is made for a body before any of it has come; more follows as it comes. */
const INITIAL_BODY_BYTES = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** Finds records in bytes that come in pieces. Makes room for what comes, not for what is said to come. */
export class RecordReader {
  readonly #deps: RecordReaderDeps;
  readonly #header = Buffer.alloc(RECORD_HEADER_BYTES);
  /** Of the header, so far; all of it while a body is being read. */
  #headerBytes = 0;
  #head = 0;
  #bodyLength = 0;
  /** The beginning of a body that does not come in one piece. Invariant: it is not complete. */
  #body = NOTHING;
  #bodyBytes = 0;
  #isStopped = false;

  constructor(deps: RecordReaderDeps) {
    this.#deps = deps;
  }

  /** Whether a record has begun and not ended. */
  get isWithinRecord(): boolean {
    return this.#headerBytes > 0;
  }

  /** Takes no notice of what else is in the bytes at hand, nor of any others. */
  stop(): void {
    this.#isStopped = true;
  }

  /** @returns what is wrong with the bytes, if anything is; push no more then */
  push(chunk: Buffer): TcpFault | undefined {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#headerBytes < RECORD_HEADER_BYTES) {
        at += this.#takeHeader(chunk, at);
        if (this.#headerBytes < RECORD_HEADER_BYTES) return undefined;
        const fault = this.#begin();
        if (fault !== undefined) return fault;
      }
      const end = Math.min(chunk.length, at + this.#bodyLength - this.#bodyBytes);
      const fault = this.#takeBody(chunk.subarray(at, end));
      if (fault !== undefined) return fault;
      at = end;
    }
    return undefined;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = Math.min(RECORD_HEADER_BYTES - this.#headerBytes, chunk.length - at);
    chunk.copy(this.#header, this.#headerBytes, at, at + taken);
    this.#headerBytes += taken;
    return taken;
  }

  #begin(): TcpFault | undefined {
    this.#head = this.#header.readUInt32LE(0);
    this.#bodyLength = this.#head & MAX_RECORD_BYTES;
    const maxBytes = this.#deps.maxBytes(this.#head >>> 28);
    if (maxBytes < 0) return "unexpected-record";
    return this.#bodyLength > maxBytes ? "too-large" : undefined;
  }

  #takeBody(part: Buffer): TcpFault | undefined {
    if (part.length === this.#bodyLength) return this.#finish(part);
    this.#makeRoom(this.#bodyBytes + part.length);
    part.copy(this.#body, this.#bodyBytes);
    this.#bodyBytes += part.length;
    if (this.#bodyBytes < this.#bodyLength) return undefined;
    const body = this.#body.subarray(0, this.#bodyBytes);
    this.#body = NOTHING;
    this.#bodyBytes = 0;
    return this.#finish(body);
  }

  #makeRoom(bytes: number): void {
    if (this.#body.length >= bytes) return;
    const room = Math.max(INITIAL_BODY_BYTES, this.#body.length * 2, bytes);
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#bodyLength, room));
    this.#body.copy(grown, 0, 0, this.#bodyBytes);
    this.#body = grown;
  }

  #finish(body: Buffer): TcpFault | undefined {
    this.#headerBytes = 0;
    if (crc32(body, this.#head) !== this.#header.readUInt32LE(4)) return "bad-checksum";
    this.#deps.onRecord((this.#head >>> 28) as RecordKind, body);
    return undefined;
  }
}
