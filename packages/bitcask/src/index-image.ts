/**
 * The index of keys as a file: its tables as they lay in memory when the store was closed, so that
 * opening reads them back instead of building them from hints. Format version 1; described byte by
 * byte in docs/formats/index-image.md.
 *
 * It is only ever a shortcut. It goes with one generation of the manifest, written after that by the
 * same closing (or given its number, when nothing has changed since it was written); whoever opens the store
 * for writing puts the next generation in its place before anything changes. So an image that is left over from any other moment is told by its number alone,
 * and neither its bytes nor its absence need to survive a power cut: it is not synced.
 */
import { crc32 } from "node:zlib";
import type { DataFile } from "./data-file.js";
import type { FileCipher } from "./encryption/file-cipher.js";
import { openContents, type ReadableFile, writeSealed } from "./encryption/sealed-file.js";
import { readFault } from "./io-errors.js";
import type { Keydir } from "./keydir/keydir.js";
import { bytesOf, TableReader } from "./keydir/table-image.js";
import type { FileHandle, FileSystem } from "./ports.js";
import { readUint64, writeUint64 } from "./record-format.js";
import { unlinkIfPresent } from "./small-file.js";

export const IMAGE_NAME = "keydir.image";
const HEADER_BYTES = 64;
const MAGIC = Buffer.from("TITANBKI", "latin1");
const IMAGE_VERSION = 1;
/** Read as another number where words lie the other way round. */
const WORD_ORDER = 0x0102_0304;
/** Of one read or write: small blocks are put together. */
const PIECE_BYTES = 1024 * 1024;
/** Far more than the tables of two thousand million keys need. */
const MAX_CONTENTS_BYTES = 1024 * 1024 * 1024;
/** What a sealed image is about: no data file has the id 0. */
const WHOLE_STORE = { fileId: 0, salt: 0 };
const FILE_FIELDS = 6;
const BLOCK_FIELDS = 2;

/** What an image says of a data file. */
export interface ImagedFile {
  readonly id: number;
  readonly size: number;
  readonly salt: number;
  readonly liveBytes: number;
  readonly minSequence: number;
  readonly hintedBytes: number;
}

interface ImageHeader {
  readonly storeId: string;
  readonly generation: number;
  readonly contentsAt: number;
  readonly contentsBytes: number;
  readonly contentsCrc: number;
}

interface BlockSum {
  readonly size: number;
  readonly crc: number;
}

/** An image whose header and contents are sound and of this moment; its blocks have not been read. */
export class IndexImage {
  readonly files: readonly ImagedFile[];
  private readonly handle: ReadableFile;
  private readonly contents: Float64Array;
  private readonly sums: readonly BlockSum[];
  private readonly tablesFrom: number;

  constructor(handle: ReadableFile, contents: Float64Array) {
    this.handle = handle;
    this.contents = contents;
    const reader = new TableReader(contents);
    this.files = Array.from({ length: reader.count(contents.length) }, () => ({
      id: reader.number(),
      size: reader.number(),
      salt: reader.number(),
      liveBytes: reader.number(),
      minSequence: reader.number(),
      hintedBytes: reader.number(),
    }));
    this.sums = Array.from({ length: reader.count(contents.length) }, () => ({
      size: reader.number(),
      crc: reader.number(),
    }));
    this.tablesFrom = 2 + FILE_FIELDS * this.files.length + BLOCK_FIELDS * this.sums.length;
  }

  /**
   * Whether the files of the store are those that the image was made beside, and ended cleanly: their
   * sizes are those of the image and of the manifest. Behind any other end a tail has to be mended.
   */
  fits(files: readonly DataFile[]): boolean {
    const known = new Map(this.files.map((file) => [file.id, file]));
    return (
      files.length === known.size &&
      files.every(({ id, size, durableSize, salt }) => {
        const file = known.get(id);
        const isWhole = size === durableSize && size === file?.size;
        return isWhole && file.salt === salt;
      })
    );
  }

  /**
   * Fills a fresh keydir. After anything but `undefined` it is to be thrown away.
   * @param onProgress told the bytes read so far, and of how many
   * @returns a string saying why the image is of no use
   * @throws BitcaskError `BITCASK_INDEX_FULL`
   */
  async load(
    keydir: Keydir,
    onProgress: (loadedBytes: number, totalBytes: number) => void,
  ): Promise<string | undefined> {
    const reader = new TableReader(this.contents, this.tablesFrom);
    try {
      if (!keydir.restore(reader)) return "made with another value of `ordered`";
    } catch (error) {
      if (error instanceof RangeError) return error.message;
      throw error;
    }
    const { blocks } = reader;
    const isWhole =
      reader.isAtEnd &&
      blocks.length === this.sums.length &&
      blocks.every((block, index) => block.length === this.sums[index]?.size);
    if (!isWhole) return "its blocks are not those of its tables";
    return this.readBlocks(blocks, onProgress).catch(readFault);
  }

  /** While one piece is summed up the next one is being read. */
  private async readBlocks(
    blocks: readonly Uint8Array[],
    onProgress: (loadedBytes: number, totalBytes: number) => void,
  ): Promise<string | undefined> {
    const totalBytes = blocks.reduce((sum, block) => sum + block.length, 0);
    let loadedBytes = 0;
    let first = 0;
    const pieces = piecesOf(blocks);
    let reading = this.readPiece(pieces[0] ?? [], HEADER_BYTES);
    try {
      for (const [index, piece] of pieces.entries()) {
        if (!(await reading)) return "it is cut short";
        loadedBytes += bytesIn(piece);
        reading = this.readPiece(pieces[index + 1] ?? [], HEADER_BYTES + loadedBytes);
        const isIntact = piece.every(
          (block, offset) => crc32(block) === this.sums[first + offset]?.crc,
        );
        if (!isIntact) return "a block's checksum";
        first += piece.length;
        onProgress(loadedBytes, totalBytes);
      }
      return undefined;
    } finally {
      // Whoever gets the answer closes the handle.
      await reading.catch(() => undefined);
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  /** @returns whether all of it was there */
  private async readPiece(piece: readonly Uint8Array[], position: number): Promise<boolean> {
    const [only] = piece;
    if (only === undefined) return true;
    if (piece.length === 1) return (await this.handle.read(only, position)) === only.length;
    const bytes = Buffer.allocUnsafeSlow(bytesIn(piece));
    const count = await this.handle.read(bytes, position);
    let at = 0;
    for (const block of piece) {
      block.set(bytes.subarray(at, at + block.length));
      at += block.length;
    }
    return count === bytes.length;
  }
}

/**
 * Opens the image that goes with this generation of the manifest.
 * @param cipher of the store: the image must be encrypted as that is
 * @returns the image, to be closed; a string saying why it is of no use; `undefined` when there is none,
 *   or one of an earlier moment only
 */
export async function openIndexImage(
  fileSystem: FileSystem,
  path: string,
  about: { readonly storeId: string; readonly generation: number },
  cipher: FileCipher | undefined,
): Promise<IndexImage | string | undefined> {
  try {
    if ((await fileSystem.stat(path)) === undefined) return undefined;
    return await readHead(await fileSystem.open(path, "read"), about, cipher);
  } catch (error) {
    return readFault(error);
  }
}

/** Closes the handle unless it returns an image, which has it from then on. */
async function readHead(
  handle: FileHandle,
  about: { readonly storeId: string; readonly generation: number },
  cipher: FileCipher | undefined,
): Promise<IndexImage | string | undefined> {
  let image: IndexImage | string | undefined = "its contents make no sense";
  try {
    const file = await openContents(handle, cipher);
    image = typeof file === "string" ? file : await readContents(file, about);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  } finally {
    if (!(image instanceof IndexImage)) await handle.close();
  }
  return image;
}

/** @returns `undefined` for an image of an earlier moment, as a crash leaves it: that is no damage */
async function readContents(
  handle: ReadableFile,
  about: { readonly storeId: string; readonly generation: number },
): Promise<IndexImage | string | undefined> {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const count = await handle.read(bytes, 0);
  const header = decodeHeader(bytes.subarray(0, count));
  if (typeof header === "string") return header;
  if (header.storeId !== about.storeId) return "of another store";
  if (header.generation < about.generation) return undefined;
  if (header.generation !== about.generation) return "of another moment";
  if (header.contentsBytes > MAX_CONTENTS_BYTES) return "its contents are too large";
  const contents = new Float64Array(header.contentsBytes / 8);
  const view = bytesOf(contents);
  if ((await handle.read(view, header.contentsAt)) !== view.length) return "it is cut short";
  if (crc32(view) !== header.contentsCrc) return "checksum of its contents";
  return new IndexImage(handle, contents);
}

/**
 * Writes the image of an index that will not change any more.
 * @param manifest the one that was just written, whose generation the image goes with
 * @param about.cipher of the store: the image is encrypted as that is
 */
export async function writeIndexImage(
  fileSystem: FileSystem,
  path: string,
  manifest: { readonly storeId: string; readonly generation: number },
  about: {
    readonly files: readonly DataFile[];
    readonly cipher: FileCipher | undefined;
    readonly tables: {
      readonly numbers: readonly number[];
      readonly blocks: readonly Uint8Array[];
    };
  },
): Promise<void> {
  const aside = `${path}.tmp`;
  await unlinkIfPresent(fileSystem, aside);
  const handle = await fileSystem.open(aside, "create-exclusive");
  const { blocks } = about.tables;
  try {
    if (about.cipher === undefined) {
      const { sums, contentsAt } = await writeBlocks(handle, blocks);
      const { header, contents } = describe(manifest, about, sums, contentsAt);
      await handle.write(contents, contentsAt);
      await handle.write(header, 0);
    } else {
      const sums = blocks.flatMap((block) => [block.length, crc32(block)] as const);
      const contentsAt = HEADER_BYTES + bytesIn(blocks);
      const { header, contents } = describe(manifest, about, sums, contentsAt);
      const whole = [header, ...blocks, contents];
      await writeSealed(handle, about.cipher, WHOLE_STORE, whole, bytesIn(whole));
    }
  } finally {
    await handle.close();
  }
  await fileSystem.rename(aside, path);
}

/**
 * Has an image that was made of the same store go with another generation of its manifest.
 * @returns false when it is not there as it was made, or is encrypted: its header is then not at hand
 * @throws the operating system's error
 */
export async function renumberIndexImage(
  fileSystem: FileSystem,
  path: string,
  { storeId, generation }: { readonly storeId: string; readonly generation: number },
): Promise<boolean> {
  if ((await fileSystem.stat(path)) === undefined) return false;
  const handle = await fileSystem.open(path, "read-write");
  try {
    const bytes = Buffer.alloc(HEADER_BYTES);
    const count = await handle.read(bytes, 0);
    const header = decodeHeader(bytes.subarray(0, count));
    if (typeof header === "string" || header.storeId !== storeId) return false;
    // Less than a sector: it is there whole, or as it was.
    await handle.write(encodeHeader({ ...header, generation }), 0);
    return true;
  } finally {
    await handle.close();
  }
}

/** Writes the blocks behind the header's place. @returns their sizes and sums, and where they end */
async function writeBlocks(
  handle: FileHandle,
  blocks: readonly Uint8Array[],
): Promise<{ readonly sums: readonly number[]; readonly contentsAt: number }> {
  const sums: number[] = [];
  let contentsAt = HEADER_BYTES;
  for (const piece of piecesOf(blocks)) {
    const [only] = piece;
    const bytes = piece.length === 1 && only !== undefined ? only : Buffer.concat(piece);
    const writing = handle.write(bytes, contentsAt);
    // A failure is waited for below.
    writing.catch(() => undefined);
    for (const block of piece) sums.push(block.length, crc32(block));
    await writing;
    contentsAt += bytes.length;
  }
  return { sums, contentsAt };
}

function describe(
  { storeId, generation }: { readonly storeId: string; readonly generation: number },
  about: {
    readonly files: readonly DataFile[];
    readonly tables: {
      readonly numbers: readonly number[];
      readonly blocks: readonly Uint8Array[];
    };
  },
  sums: readonly number[],
  contentsAt: number,
): { readonly header: Buffer; readonly contents: Uint8Array } {
  const { numbers, blocks } = about.tables;
  const files = about.files.flatMap(
    ({ id, size, salt, liveBytes, minSequence, hintedBytes }) =>
      [id, size, salt, liveBytes, minSequence, hintedBytes] as const,
  );
  const head = [about.files.length, ...files, blocks.length];
  const contents = bytesOf(Float64Array.from([...head, ...sums, ...numbers]));
  const about64 = { contentsAt, contentsBytes: contents.length, contentsCrc: crc32(contents) };
  return { contents, header: encodeHeader({ storeId, generation, ...about64 }) };
}

function encodeHeader(header: ImageHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(IMAGE_VERSION, 8);
  bytes.set(bytesOf(Int32Array.of(WORD_ORDER)), 12);
  bytes.write(header.storeId, 16, "hex");
  writeUint64(bytes, header.generation, 32);
  writeUint64(bytes, header.contentsAt, 40);
  writeUint64(bytes, header.contentsBytes, 48);
  bytes.writeUInt32LE(header.contentsCrc, 56);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** @returns the header, or in words why it cannot be used */
function decodeHeader(bytes: Buffer): ImageHeader | string {
  if (bytes.length < HEADER_BYTES) return "header is cut short";
  if (!bytes.subarray(0, 8).equals(MAGIC)) return "not an image of an index";
  if (bytes.readUInt32LE(60) !== crc32(bytes.subarray(0, 60))) return "header checksum";
  if (bytes.readUInt16LE(8) !== IMAGE_VERSION) return "another format version";
  if (bytes.readUInt16LE(10) !== 0) return "unknown flags";
  if (!bytes.subarray(12, 16).equals(bytesOf(Int32Array.of(WORD_ORDER)))) {
    return "made on a machine with another order of bytes";
  }
  return {
    storeId: bytes.toString("hex", 16, 32),
    generation: readUint64(bytes, 32),
    contentsAt: readUint64(bytes, 40),
    contentsBytes: readUint64(bytes, 48),
    contentsCrc: bytes.readUInt32LE(56),
  };
}

/** Runs of blocks: large ones alone, small ones together. */
function piecesOf(blocks: readonly Uint8Array[]): Uint8Array[][] {
  const pieces: Uint8Array[][] = [];
  let room = 0;
  for (const block of blocks) {
    if (block.length > room) {
      pieces.push([]);
      room = PIECE_BYTES;
    }
    pieces.at(-1)?.push(block);
    room -= block.length;
  }
  return pieces;
}

function bytesIn(piece: readonly Uint8Array[]): number {
  return piece.reduce((sum, block) => sum + block.length, 0);
}
