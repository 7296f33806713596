/** Writing and reading of whole hint files; the bytes are described in `hint-format.ts`. */
import { crc32 } from "node:zlib";
import type { FileCipher } from "./encryption/file-cipher.js";
import { openContents, writeSealed } from "./encryption/sealed-file.js";
import {
  decodeHintHeader,
  encodeHintHeader,
  HINT_HEADER_BYTES,
  type HintEntry,
  type HintHeader,
  hintEntryBytes,
  writeHintEntry,
} from "./hint-format.js";
import { BLOCK_HEADER_BYTES, EntryPacker, packedBytes, unpackBlock } from "./hint-packing.js";
import { readFault } from "./io-errors.js";
import type { FileHandle, FileSystem } from "./ports.js";

const CHUNK_BYTES = 256 * 1024;
/** A larger one is not read: it would take more memory than scanning the data file. */
const MAX_HINT_BYTES = 2 ** 31 - 1;

/** Collects entries, then writes them. Holds them in memory: some 40 bytes beside each key. */
export class HintBuilder {
  private readonly full: Buffer[] = [];
  private chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  private chunkBytes = 0;
  private entryCount = 0;
  private bytes = 0;

  add(
    entry: Pick<HintEntry, "sequence" | "flags" | "valueSize" | "position" | "expiresAt">,
    key: Uint8Array,
  ): void {
    const size = hintEntryBytes(key.length, entry.flags);
    if (this.chunkBytes + size > this.chunk.length) this.startChunk(size);
    this.chunkBytes = writeHintEntry(this.chunk, this.chunkBytes, entry, key);
    this.entryCount += 1;
    this.bytes += size;
  }

  /** Whether the file would be too large to be of use. */
  get isTooLarge(): boolean {
    return this.bytes + HINT_HEADER_BYTES > MAX_HINT_BYTES;
  }

  /** Entries so far, in runs of whole entries. */
  *chunks(): Generator<Buffer, void, undefined> {
    yield* this.full;
    yield this.chunk.subarray(0, this.chunkBytes);
  }

  /**
   * Writes the file and syncs it; it then may be renamed into place.
   * @param cipher of the data file: the hint is encrypted as that is
   */
  async write(
    handle: FileHandle,
    about: Pick<HintHeader, "fileId" | "storeId" | "salt" | "coveredBytes">,
    cipher: FileCipher | undefined,
  ): Promise<void> {
    const packer = new EntryPacker();
    const blocks: Buffer[] = [];
    let entriesCrc = 0;
    let packed = 0;
    for (const chunk of this.chunks()) {
      if (chunk.length === 0) continue;
      const block = packer.pack(chunk);
      entriesCrc = crc32(block, entriesCrc);
      // Bit by bit, with turns of the event loop between: all at once it would be held up for long.
      if (cipher === undefined) await handle.write(block, HINT_HEADER_BYTES + packed);
      else blocks.push(block);
      packed += block.length;
    }
    const header = encodeHintHeader({ ...about, entryCount: this.entryCount, entriesCrc });
    if (cipher === undefined) await handle.write(header, 0);
    else {
      const contents = [header, ...blocks];
      await writeSealed(handle, cipher, about, contents, HINT_HEADER_BYTES + packed);
    }
    await handle.sync();
  }

  private startChunk(atLeast: number): void {
    this.full.push(this.chunk.subarray(0, this.chunkBytes));
    this.chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, atLeast));
    this.chunkBytes = 0;
  }
}

export interface LoadedHint {
  readonly coveredBytes: number;
  readonly entryCount: number;
  /** The entries, in runs of whole ones, back to back. */
  readonly chunks: readonly Buffer[];
}

/**
 * Reads a hint file and checks that it speaks of that data file.
 * @returns the hint; a string saying why it is of no use; `undefined` when there is none
 */
export async function readHintFile(
  fileSystem: FileSystem,
  path: string,
  dataFile: Pick<HintHeader, "storeId" | "salt"> & {
    readonly id: number;
    readonly cipher: FileCipher | undefined;
  },
  dataFileBytes: number,
): Promise<LoadedHint | string | undefined> {
  const bytes = await readContents(fileSystem, path, dataFile.cipher).catch(readFault);
  if (bytes === undefined || typeof bytes === "string") return bytes;
  const header = decodeHintHeader(bytes);
  if (typeof header === "string") return header;
  const { fileId, storeId, salt, coveredBytes, entryCount, entriesCrc, isPacked } = header;
  const isAbout = fileId === dataFile.id && storeId === dataFile.storeId && salt === dataFile.salt;
  if (!isAbout) return "about another data file";
  if (coveredBytes > dataFileBytes) return "covers more than the data file holds";
  const entries = bytes.subarray(HINT_HEADER_BYTES);
  if (crc32(entries) !== entriesCrc) return "entries checksum";
  const chunks = isPacked ? unpackAll(entries) : [entries];
  return chunks === undefined ? "a block makes no sense" : { coveredBytes, entryCount, chunks };
}

/** @returns `undefined` when a block makes no sense */
function unpackAll(blocks: Buffer): Buffer[] | undefined {
  const chunks: Buffer[] = [];
  let at = 0;
  while (at < blocks.length) {
    const head = blocks.subarray(at, at + BLOCK_HEADER_BYTES);
    const bytes = packedBytes(head);
    if (bytes === undefined) return undefined;
    at += BLOCK_HEADER_BYTES + bytes;
    if (at > blocks.length) return undefined;
    const chunk = unpackBlock(head, blocks.subarray(at - bytes, at));
    if (chunk === undefined) return undefined;
    chunks.push(chunk);
  }
  return chunks;
}

/** @returns the hint in the clear; a string saying why it is of no use; `undefined`: there is none */
async function readContents(
  fileSystem: FileSystem,
  path: string,
  cipher: FileCipher | undefined,
): Promise<Buffer | string | undefined> {
  if ((await fileSystem.stat(path)) === undefined) return undefined;
  const handle = await fileSystem.open(path, "read");
  try {
    const contents = await openContents(handle, cipher);
    if (typeof contents === "string") return contents;
    const size = await contents.size();
    if (size > MAX_HINT_BYTES) return "too large";
    const bytes = Buffer.allocUnsafe(size);
    return (await contents.read(bytes, 0)) === size ? bytes : "cut short or changed";
  } finally {
    await handle.close();
  }
}
