/** Point reads: keydir, then one read of the disk, checked. */
import { ByteView } from "./byte-view.js";
import { toBytes } from "./bytes.js";
import type { ValueUnpacker } from "./compression/value-packer.js";
import { crc32Of } from "./crc32.js";
import type { DataFile } from "./data-file.js";
import { BitcaskError } from "./errors.js";
import type { FileSet } from "./file-set.js";
import type { FrozenView } from "./frozen-view.js";
import { toBitcaskError } from "./io-errors.js";
import type { Keydir } from "./keydir/keydir.js";
import { createLocation, type Location } from "./keydir/location.js";
import { LOOK_AHEAD_KEYS } from "./keydir/look-ahead.js";
import type { IdRange } from "./keydir/record-batch.js";
import { MAX_SLAB_RECORD_BYTES, type ReadSlab } from "./read-slab.js";
import {
  COMPRESSED,
  createRecordHeader,
  decodeRecordHeader,
  ENCRYPTED,
  headerFault,
  TOMBSTONE,
} from "./record-format.js";
import type { StoreTime } from "./store-time.js";
import type { ValueCache } from "./value-cache.js";

/** Records up to this size are read blocking even by asynchronous calls: it is faster than a promise. */
const BLOCKING_READ_BYTES = 64 * 1024;

export interface FoundValue {
  readonly value: Uint8Array;
  readonly expiresAtMs: number | undefined;
}

type Key = Uint8Array | string;

interface ReaderParts {
  readonly keydir: Keydir;
  readonly files: FileSet;
  readonly time: StoreTime;
  /** `undefined` for a reader that keeps no values. */
  readonly cache: ValueCache | undefined;
  readonly unpacker: ValueUnpacker;
  readonly slab: ReadSlab;
  readonly verifyChecksums: boolean;
}

export class RecordReader {
  private readonly keydir: Keydir;
  private readonly files: FileSet;
  private readonly time: StoreTime;
  private readonly cache: ValueCache | undefined;
  private readonly unpacker: ValueUnpacker;
  private readonly verifyChecksums: boolean;
  private readonly location = createLocation();
  private readonly header = createRecordHeader();
  private readonly slab: ReadSlab;
  private readonly parts: ReaderParts;
  /** `undefined`: reads see the store as it is. */
  private readonly view: FrozenView | undefined;

  constructor(parts: ReaderParts, view?: FrozenView) {
    this.parts = parts;
    this.view = view;
    this.slab = parts.slab;
    this.keydir = parts.keydir;
    this.files = parts.files;
    this.time = parts.time;
    this.cache = parts.cache;
    this.unpacker = parts.unpacker;
    this.verifyChecksums = parts.verifyChecksums;
  }

  /** A reader of the store as it was. */
  at(view: FrozenView): RecordReader {
    return new RecordReader(this.parts, view);
  }

  has(key: Key): boolean {
    return this.find(key) !== undefined;
  }

  getSync(key: Key): Uint8Array | undefined {
    const location = this.find(key);
    return location && this.valueSync(key, location);
  }

  /** As {@link RecordReader.getSync}; the value of a large record comes as a promise. */
  getSoon(key: Key): Uint8Array | Promise<Uint8Array> | undefined {
    const location = this.find(key);
    if (location === undefined) return undefined;
    if (location.size <= BLOCKING_READ_BYTES) return this.valueSync(key, location);
    return this.readRecord(key, location, this.fileOf(location));
  }

  /** All are looked up, and reads of them begun, before the call returns. */
  getMany(keys: readonly Key[]): Promise<(Uint8Array | undefined)[]> {
    const values: (Uint8Array | undefined)[] = [];
    const large: Promise<void>[] = [];
    for (const [index, key] of keys.entries()) {
      if (index % LOOK_AHEAD_KEYS === 0 && keys.length > 1) {
        const count = Math.min(LOOK_AHEAD_KEYS, keys.length - index);
        this.cache?.touch(this.keydir.ahead.fetch(keys, index, count), { from: 0, to: count });
      }
      const found = this.getSoon(key);
      if (found instanceof Promise) {
        const read = found.then((value) => {
          values[index] = value;
        });
        // Should a later key throw here, nobody waits for this one.
        read.catch(() => undefined);
        large.push(read);
        values.push(undefined);
      } else {
        values.push(found);
      }
    }
    return large.length === 0 ? Promise.resolve(values) : Promise.all(large).then(() => values);
  }

  getEntrySync(key: Key): FoundValue | undefined {
    const location = this.find(key);
    if (location === undefined) return undefined;
    const expiresAtMs = location.expiresAt || undefined;
    return { value: this.valueSync(key, location), expiresAtMs };
  }

  async getEntry(key: Key): Promise<FoundValue | undefined> {
    const location = this.find(key);
    if (location === undefined) return undefined;
    const expiresAtMs = location.expiresAt || undefined;
    if (location.size <= BLOCKING_READ_BYTES) {
      return { value: this.valueSync(key, location), expiresAtMs };
    }
    const value = await this.readRecord(key, location, this.fileOf(location));
    return { value, expiresAtMs };
  }

  /**
   * The value at `location`, for a scan, blocking: a cached one serves, and what is read is kept only
   * where nothing has to go for it. The file must be in use or pinned.
   */
  readSync(key: Uint8Array, location: Readonly<Location>, file: DataFile): Uint8Array {
    const cached = this.cached(location);
    if (cached !== undefined) return cached;
    const value = this.readRecordSync(key, location, file);
    this.cache?.addToFreeRoom(location.record, location.sequence, value);
    return value;
  }

  /** Fetches cached values from memory that are about to be read; see `ValueCache.touch`. */
  readonly lookAhead = (records: Int32Array, range: IdRange): void => {
    this.cache?.touch(records, range);
  };

  /** As {@link RecordReader.readSync}, without blocking for large records: those come as a promise. */
  readSoon(
    key: Uint8Array,
    location: Readonly<Location>,
    file: DataFile,
  ): Uint8Array | Promise<Uint8Array> {
    if (location.size <= BLOCKING_READ_BYTES) return this.readSync(key, location, file);
    return this.readRecord(key, location, file);
  }

  private valueSync(key: Key, location: Readonly<Location>): Uint8Array {
    const cached = this.cached(location);
    if (cached !== undefined) return cached;
    const value = this.readRecordSync(key, location, this.fileOf(location));
    this.cache?.add(location.record, location.sequence, value);
    return value;
  }

  /** A copy of the cached value, the caller's to keep. */
  private cached({ record, sequence }: Readonly<Location>): Uint8Array | undefined {
    const { cache } = this;
    if (cache === undefined) return undefined;
    const address = cache.find(record, sequence);
    return address === 0 ? undefined : cache.read(address, this.slab);
  }

  private readRecordSync(key: Key, location: Readonly<Location>, file: DataFile): Uint8Array {
    const { size, position } = location;
    const isSmall = size <= MAX_SLAB_RECORD_BYTES;
    const at = isSmall ? this.slab.claim(size) : 0;
    const source = isSmall ? this.slab.source : ByteView.allocate(size);
    const handle = this.files.handleOf(file);
    let count: number;
    try {
      count = handle.readSync(source.bytes, position, at, at + size);
    } catch (error) {
      throw readFailure(error, file);
    }
    return this.valueOf({ source, at, count }, key, location, file);
  }

  private async readRecord(
    key: Key,
    location: Readonly<Location>,
    file: DataFile,
  ): Promise<Uint8Array> {
    const kept = { ...location };
    // The caller's buffer may change while the read is under way.
    const sought = typeof key === "string" ? key : Uint8Array.from(key);
    const source = ByteView.allocate(kept.size);
    const handle = this.files.beginRead(file);
    try {
      const count = await handle.read(source.bytes, kept.position).catch((error: unknown) => {
        throw readFailure(error, file);
      });
      return this.valueOf({ source, at: 0, count }, sought, kept, file);
    } finally {
      this.files.endRead(file);
    }
  }

  /** The location of a key that is there and has not expired; valid until the next call. */
  private find(key: Key): Location | undefined {
    const { location, view } = this;
    if (!this.keydir.get(key, location, view?.snapshot)) return undefined;
    const { expiresAt } = location;
    if (expiresAt === 0) return location;
    const hasExpired = view?.hasExpired(expiresAt) ?? this.time.hasExpired(expiresAt);
    return hasExpired ? undefined : location;
  }

  private fileOf({ fileId }: Readonly<Location>): DataFile {
    return this.view === undefined ? this.files.get(fileId) : this.view.file(fileId);
  }

  /** The value's part of the record. @throws BitcaskError `BITCASK_CORRUPT` */
  private valueOf(
    read: ReadBytes,
    key: Key,
    location: Readonly<Location>,
    file: DataFile,
  ): Uint8Array {
    const fault = this.faultOf(read, location, file) ?? this.decoded(read, key, location, file);
    if (typeof fault !== "string") return fault;
    throw new BitcaskError({
      code: "BITCASK_CORRUPT",
      message:
        `${file.path} is damaged at offset ${location.position}: ${fault}; the value of key ` +
        `${JSON.stringify(Buffer.from(key.slice(0, 64)).toString("latin1"))} is lost`,
      file: file.path,
      offset: location.position,
    });
  }

  /** The value; a string saying why there is none. Bytes and header have been found sound. */
  private decoded(
    { source, at }: ReadBytes,
    key: Key,
    location: Readonly<Location>,
    file: DataFile,
  ): Uint8Array | string {
    const { header } = this;
    const { flags, keySize, valueSize } = header;
    let { bytes } = source;
    let keyStart = at + header.keyStart;
    if (flags & ENCRYPTED || file.cipher !== undefined) {
      const body = flags & ENCRYPTED ? file.cipher?.open(bytes, at, header) : undefined;
      if (body === undefined) return "it was not encrypted with the key of its file";
      bytes = body;
      keyStart = 0;
    }
    if (!isKeyAt(bytes, keyStart, keySize, key)) return "another record lies there";
    const start = bytes.byteOffset + keyStart + keySize;
    const value = new Uint8Array(bytes.buffer, start, valueSize);
    if (!(flags & COMPRESSED)) return value;
    return this.unpacker.unpack(value, { file: file.path, offset: location.position });
  }

  private faultOf(
    { source, at, count }: ReadBytes,
    location: Readonly<Location>,
    file: DataFile,
  ): string | undefined {
    const { header } = this;
    const { size } = location;
    if (count < size) return "the file ends inside the record";
    decodeRecordHeader(source, at, header);
    const fault = headerFault(header, size);
    if (fault !== undefined) return fault;
    if (header.recordSize !== size) return "its size is not the one in the index";
    if (this.verifyChecksums && crc32Of(source, at + 4, at + size, file.salt) !== header.crc) {
      return "checksum does not match";
    }
    const isOurs = header.sequence === location.sequence && (header.flags & TOMBSTONE) === 0;
    return isOurs ? undefined : "another record lies there";
  }
}

/** A record as it was read: `count` bytes of it, at `at`. */
interface ReadBytes {
  readonly source: ByteView;
  readonly at: number;
  readonly count: number;
}

function isKeyAt(bytes: Buffer, start: number, size: number, key: Key): boolean {
  if (typeof key !== "string") {
    if (key.length !== size) return false;
    for (let index = 0; index < size; index++) {
      if (bytes[start + index] !== key[index]) return false;
    }
    return true;
  }
  let seen = 0;
  let index = 0;
  for (; index < key.length && index < size; index++) {
    const code = key.charCodeAt(index);
    if (code !== bytes[start + index]) break;
    seen |= code;
  }
  if (index === key.length && index === size && seen < 0x80) return true;
  // Beyond ASCII a character is not its byte.
  const sought = toBytes(key, "key");
  return bytes.compare(sought, 0, sought.length, start, start + size) === 0;
}

function readFailure(error: unknown, file: DataFile): BitcaskError {
  return toBitcaskError(error, {
    action: "read",
    file: file.path,
    otherwise: "BITCASK_READ_FAILED",
  });
}
