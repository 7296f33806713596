/**
 * Walks the entries of a hint file in bounded memory, to hold them beside the records they speak of.
 * Entries lie in the order of their records.
 */
import { crc32 } from "node:zlib";
import type { DataFileHeader } from "../data-file-header.js";
import type { FileCipher } from "../encryption/file-cipher.js";
import { openContents, type ReadableFile } from "../encryption/sealed-file.js";
import {
  createHintEntry,
  decodeHintHeader,
  HINT_HEADER_BYTES,
  type HintHeader,
  readHintEntry,
} from "../hint-format.js";
import { BLOCK_HEADER_BYTES, packedBytes, unpackBlock } from "../hint-packing.js";
import type { FileSystem } from "../ports.js";
import { openIfPresent } from "./open-if-present.js";

const CHUNK_BYTES = 256 * 1024;

/** What {@link HintCursor.open} says of a hint for a longer data file. */
export const COVERS_MORE = "covers more than the data file holds";

export class HintCursor {
  readonly header: HintHeader;
  /** The entry under the cursor; meaningless when {@link HintCursor.isAtEnd}. */
  readonly entry = createHintEntry();
  isAtEnd = false;
  /** Set when the entries do not end where the file does. */
  fault: string | undefined;
  private readonly handle: ReadableFile;
  private readonly size: number;
  private buffer: Buffer = Buffer.alloc(0);
  /** Where the buffer ends in the file. */
  private position = HINT_HEADER_BYTES;
  private count = 0;

  private constructor(handle: ReadableFile, header: HintHeader, size: number) {
    this.handle = handle;
    this.header = header;
    this.size = size;
    this.entry.end = 0;
  }

  /**
   * Checks the file's checksums and stands on its first entry.
   * @returns a string saying why the hint is of no use; `undefined` when there is none
   */
  static async open(
    fileSystem: FileSystem,
    path: string,
    about: Pick<DataFileHeader, "fileId" | "storeId"> & {
      readonly salt: number | undefined;
      readonly cipher: FileCipher | undefined;
    },
    dataFileBytes: number,
  ): Promise<HintCursor | string | undefined> {
    const file = await openIfPresent(fileSystem, path);
    if (file === undefined) return undefined;
    let cursor: HintCursor | undefined;
    try {
      const handle = await openContents(file, about.cipher);
      if (typeof handle === "string") return handle;
      const size = await handle.size();
      const bytes = Buffer.alloc(Math.min(HINT_HEADER_BYTES, size));
      await handle.read(bytes, 0);
      const header = decodeHintHeader(bytes);
      if (typeof header === "string") return header;
      const { fileId, storeId, salt, coveredBytes } = header;
      const isAbout = fileId === about.fileId && storeId === about.storeId;
      if (!isAbout || salt !== (about.salt ?? salt)) return "about another data file";
      if (coveredBytes > dataFileBytes) return COVERS_MORE;
      if ((await entriesCrc(handle, size)) !== header.entriesCrc) return "entries checksum";
      cursor = new HintCursor(handle, header, size);
      cursor.next();
      return cursor;
    } finally {
      if (cursor === undefined) await file.close();
    }
  }

  /** The key of the entry; valid until {@link HintCursor.next}. */
  get key(): Buffer {
    return this.buffer.subarray(this.entry.keyStart, this.entry.end);
  }

  /** Moves on. Reads blocking, once per chunk. */
  next(): void {
    for (;;) {
      const at = this.entry.end;
      if (at === this.buffer.length && this.position === this.size) return this.end();
      if (readHintEntry(this.buffer, at, this.entry)) {
        this.count += 1;
        return;
      }
      this.entry.end = at;
      if (!this.fill()) {
        this.fault = "an entry is cut short";
        return this.end();
      }
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private end(): void {
    this.isAtEnd = true;
    if (this.count !== this.header.entryCount) this.fault ??= "number of entries";
  }

  private fill(): boolean {
    const rest = this.buffer.subarray(this.entry.end);
    if (this.header.isPacked) return rest.length === 0 && this.fillFromBlock();
    const bytes = Math.min(Math.max(CHUNK_BYTES, rest.length), this.size - this.position);
    if (bytes === 0) return false;
    const chunk = Buffer.allocUnsafe(rest.length + bytes);
    rest.copy(chunk);
    this.read(chunk.subarray(rest.length));
    this.buffer = chunk;
    this.entry.end = 0;
    return true;
  }

  private fillFromBlock(): boolean {
    const head = Buffer.alloc(Math.min(BLOCK_HEADER_BYTES, this.size - this.position));
    this.read(head);
    const bytes = packedBytes(head);
    if (bytes === undefined || bytes > this.size - this.position) return false;
    const body = Buffer.allocUnsafe(bytes);
    this.read(body);
    const entries = unpackBlock(head, body);
    // None at all would have the caller ask for ever.
    if (entries === undefined || entries.length === 0) return false;
    this.buffer = entries;
    this.entry.end = 0;
    return true;
  }

  /** What the file does not have any more reads as zeros. */
  private read(into: Buffer): void {
    const count = this.handle.readSync(into, this.position);
    into.fill(0, count);
    this.position += into.length;
  }
}

async function entriesCrc(handle: ReadableFile, size: number): Promise<number> {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size));
  let crc = 0;
  for (let position = HINT_HEADER_BYTES; position < size; position += chunk.length) {
    const count = await handle.read(chunk, position);
    crc = crc32(chunk.subarray(0, count), crc);
  }
  return crc;
}
