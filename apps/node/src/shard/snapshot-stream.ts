/**
 * A shard's state on its way to another replica: the files of a frozen store, and the change history.
 *
 *     head      "TSHD", version 1
 *     section   kind (1 byte): file 1, history 2, end 0
 *               length of the name (1 byte), name (ASCII)
 *               length of the content (8 bytes, little-endian), content
 *               CRC-32 of all of that (4 bytes, little-endian)
 *
 * The end has neither name nor content; what comes without it has been cut short. Names are letters, digits, `.`, `-`
 * and `_`, and do not begin with a dot, so that none leads out of its directory.
 */

import { crc32 } from "node:zlib";
import type { FileSystem } from "@titan/bitcask";
import { ByteSource, DamagedSnapshot } from "./byte-source.js";

const MAGIC = Buffer.from("TSHD\u0001", "latin1");
const END = 0;
const FILE = 1;
const HISTORY = 2;
const CHUNK_BYTES = 256 * 1024;
const CRC_BYTES = 4;
const TWO_TO_32 = 0x1_0000_0000;
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/u;
/** No history is larger; files are not kept in memory and may be. */
const MAX_HISTORY_BYTES = 1024 * 1024 * 1024;

/** A frozen store and its history as chunks. `directory` has to stay until they are read. */
export async function* writeSnapshot(
  fileSystem: FileSystem,
  directory: string,
  history: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield MAGIC;
  yield* section(HISTORY, "", history.length, [history]);
  for (const name of [...(await fileSystem.list(directory))].sort()) {
    const path = fileSystem.join(directory, name);
    const handle = await fileSystem.open(path, "read");
    try {
      const size = await handle.size();
      const head = headOf(FILE, name, size);
      let crc = crc32(head);
      yield head;
      for (let at = 0; at < size; ) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, size - at));
        const count = await handle.read(chunk, at);
        if (count === 0) throw new Error(`${path} became shorter while it was read`);
        const read = chunk.subarray(0, count);
        crc = crc32(read, crc);
        yield read;
        at += count;
      }
      yield crcBytes(crc);
    } finally {
      await handle.close();
    }
  }
  yield* section(END, "", 0, []);
}

/**
 * Writes the files of a snapshot into `directory`, which is empty, and makes them durable.
 * @returns the history's bytes
 * @throws DamagedSnapshot; what `chunks` and the file system throw
 */
export async function readSnapshot(
  fileSystem: FileSystem,
  directory: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const source = new ByteSource(chunks);
  try {
    const magic = await source.take(MAGIC.length);
    if (Buffer.compare(magic, MAGIC) !== 0) throw new DamagedSnapshot("no snapshot of a shard");
    let history: Uint8Array | undefined;
    let head = await readHead(source);
    for (; head.kind !== END; head = await readHead(source)) {
      if (head.kind === HISTORY) history = await readHistory(source, head);
      else if (head.kind === FILE) await readFile(source, head, fileSystem, directory);
      else throw new DamagedSnapshot(`a section of kind ${head.kind}`);
    }
    await expectCrc(source, head.crc);
    if (head.length !== 0) throw new DamagedSnapshot("an end with content");
    if (history === undefined) throw new DamagedSnapshot("without a history");
    await source.expectEnd();
    await fileSystem.syncDirectory(directory);
    return history;
  } finally {
    await source.close();
  }
}

interface Head {
  readonly kind: number;
  readonly name: string;
  readonly length: number;
  readonly crc: number;
}

async function readHead(source: ByteSource): Promise<Head> {
  const first = await source.take(2);
  const kind = first[0] ?? 0;
  const name = (await source.take(first[1] ?? 0)).toString("latin1");
  const lengths = await source.take(8);
  const length = lengths.readUInt32LE(4) * TWO_TO_32 + lengths.readUInt32LE(0);
  if (!Number.isSafeInteger(length)) throw new DamagedSnapshot("a length too large");
  return { kind, name, length, crc: crc32(headOf(kind, name, length)) };
}

async function readHistory(source: ByteSource, head: Head): Promise<Uint8Array> {
  if (head.length > MAX_HISTORY_BYTES) throw new DamagedSnapshot("a history too large");
  const history = Uint8Array.from(await source.take(head.length));
  await expectCrc(source, crc32(history, head.crc));
  return history;
}

async function readFile(
  source: ByteSource,
  head: Head,
  fileSystem: FileSystem,
  directory: string,
): Promise<void> {
  if (!NAME.test(head.name)) throw new DamagedSnapshot("a name that no store gives its files");
  const handle = await fileSystem.open(fileSystem.join(directory, head.name), "create-exclusive");
  try {
    let { crc } = head;
    for (let at = 0; at < head.length; ) {
      const piece = await source.takeSome(Math.min(CHUNK_BYTES, head.length - at));
      crc = crc32(piece, crc);
      await handle.write(piece, at);
      at += piece.length;
    }
    await expectCrc(source, crc);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function expectCrc(source: ByteSource, crc: number): Promise<void> {
  const bytes = await source.take(CRC_BYTES);
  if (bytes.readUInt32LE(0) !== crc) throw new DamagedSnapshot("a checksum that does not fit");
}

function* section(
  kind: number,
  name: string,
  length: number,
  content: readonly Uint8Array[],
): Generator<Uint8Array, void, undefined> {
  const head = headOf(kind, name, length);
  let crc = crc32(head);
  yield head;
  for (const bytes of content) {
    crc = crc32(bytes, crc);
    if (bytes.length > 0) yield bytes;
  }
  yield crcBytes(crc);
}

function headOf(kind: number, name: string, length: number): Buffer {
  const head = Buffer.alloc(2 + name.length + 8);
  head[0] = kind;
  head[1] = name.length;
  head.write(name, 2, "latin1");
  head.writeUInt32LE(length % TWO_TO_32, 2 + name.length);
  head.writeUInt32LE(Math.floor(length / TWO_TO_32), 2 + name.length + 4);
  return head;
}

function crcBytes(crc: number): Buffer {
  const bytes = Buffer.alloc(CRC_BYTES);
  bytes.writeUInt32LE(crc);
  return bytes;
}
