/** Reads one segment front to back through a window, never the whole file at once. */

import { toReadError } from "./errors.js";
import {
  COMMIT_BYTES,
  decodeFrameHeader,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  type FrameHeader,
} from "./frame.js";
import { decodeFrame, type FramedRecord } from "./frame-decoder.js";
import type { FileHandle } from "./ports.js";
import type { SegmentHeader } from "./segment-header.js";

const WINDOW_BYTES = 1024 * 1024;

/** A whole frame. Its records are views of a buffer that the next read overwrites. */
export interface ReadFrame {
  readonly offset: number;
  readonly bytes: number;
  readonly header: FrameHeader;
  readonly digest: number;
  readonly records: readonly FramedRecord[];
}

export class SegmentReader {
  readonly header: SegmentHeader;
  /** Bytes that the file has, whatever its header says. */
  readonly fileBytes: number;
  readonly #handle: FileHandle;
  readonly #path: string;
  #buffer = Buffer.alloc(0);
  #window = Buffer.alloc(0);
  #windowAt = 0;

  constructor(file: {
    readonly header: SegmentHeader;
    readonly fileBytes: number;
    readonly handle: FileHandle;
    readonly path: string;
  }) {
    this.header = file.header;
    this.fileBytes = file.fileBytes;
    this.#handle = file.handle;
    this.#path = file.path;
  }

  get number(): number {
    return this.header.number;
  }

  /** `[at, at + length)`, shorter at the end of the file. Valid until the next call. */
  async bytes(at: number, length: number): Promise<Buffer> {
    const from = at - this.#windowAt;
    if (from >= 0 && from + length <= this.#window.length) {
      return this.#window.subarray(from, from + length);
    }
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), Math.max(0, this.fileBytes - at));
    if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafe(wanted);
    try {
      const count = await this.#handle.read(this.#buffer.subarray(0, wanted), at);
      this.#window = this.#buffer.subarray(0, count);
    } catch (error) {
      throw toReadError(error, this.#path);
    }
    this.#windowAt = at;
    return this.#window.subarray(0, length);
  }

  /** The frame at `offset`, or what is wrong, in words. */
  async frame(offset: number): Promise<ReadFrame | string> {
    const { salt } = this.header;
    const head = await this.bytes(offset, FRAME_HEADER_BYTES);
    const header = decodeFrameHeader(head, 0, salt);
    if (header === undefined) return isZero(head) ? "no frame" : "frame header checksum";
    const bytes = frameLength(header);
    if (offset + bytes > this.fileBytes) return "frame past the end of the file";
    const decoded = decodeFrame(await this.bytes(offset, bytes), salt);
    return typeof decoded === "string" ? decoded : { offset, bytes, header, ...decoded };
  }

  /** The first whole frame at or after `from`. */
  async findFrame(from: number): Promise<ReadFrame | undefined> {
    const nearest = await this.frame(from);
    if (typeof nearest !== "string") return nearest;
    for (let at = from + 1; at + FRAME_HEADER_BYTES <= this.fileBytes; ) {
      const window = await this.bytes(at, Math.min(WINDOW_BYTES, this.fileBytes - at));
      const found = window.indexOf(FRAME_MAGIC);
      if (found < 0) {
        // The magic number may straddle the end of the window.
        at += Math.max(1, window.length - FRAME_MAGIC.length + 1);
        continue;
      }
      const frame = await this.frame(at + found);
      if (typeof frame !== "string") return frame;
      at += found + 1;
    }
    return undefined;
  }

  /** Offset after the last byte at or after `from` that is not zero; `from` when all are. */
  async endOfContent(from: number): Promise<number> {
    let end = from;
    for (let at = from; at < this.fileBytes; ) {
      const window = await this.bytes(at, Math.min(WINDOW_BYTES, this.fileBytes - at));
      if (window.length === 0) break;
      if (!isZero(window)) {
        let last = window.length - 1;
        while (window[last] === 0) last -= 1;
        end = at + last + 1;
      }
      at += window.length;
    }
    return end;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function frameLength(header: FrameHeader): number {
  return FRAME_HEADER_BYTES + header.bodyBytes + COMMIT_BYTES;
}

const ZEROS = Buffer.alloc(WINDOW_BYTES);

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (part.compare(ZEROS, 0, part.length) !== 0) return false;
  }
  return true;
}
