/** Point reads: keydir, then one read of the disk, checked. */
import { asBuffer } from "./bytes.js";
import type { DataFile } from "./data-file.js";
import { BitcaskError } from "./errors.js";
import type { FileSet } from "./file-set.js";
import { toBitcaskError } from "./io-errors.js";
import type { Keydir } from "./keydir/keydir.js";
import { createLocation, type Location } from "./keydir/location.js";
import {
  createRecordHeader,
  hasValidCrc,
  headerFault,
  readRecordHeader,
  TOMBSTONE,
} from "./record-format.js";
import type { StoreTime } from "./store-time.js";

/** Records up to this size are read blocking even by asynchronous calls: it is faster than a promise. */
const BLOCKING_READ_BYTES = 64 * 1024;

export interface FoundValue {
  readonly value: Uint8Array;
  readonly expiresAtMs: number | undefined;
}

export class RecordReader {
  private readonly keydir: Keydir;
  private readonly files: FileSet;
  private readonly time: StoreTime;
  private readonly verifyChecksums: boolean;
  private readonly location = createLocation();
  private readonly header = createRecordHeader();
  private readonly scratch = Buffer.allocUnsafeSlow(BLOCKING_READ_BYTES);

  constructor(
    parts: { readonly keydir: Keydir; readonly files: FileSet; readonly time: StoreTime },
    verifyChecksums: boolean,
  ) {
    this.keydir = parts.keydir;
    this.files = parts.files;
    this.time = parts.time;
    this.verifyChecksums = verifyChecksums;
  }

  has(key: Uint8Array): boolean {
    return this.find(key) !== undefined;
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    const location = this.find(key);
    return location && this.readSync(key, location);
  }

  getEntrySync(key: Uint8Array): FoundValue | undefined {
    const location = this.find(key);
    if (location === undefined) return undefined;
    const expiresAtMs = location.expiresAt || undefined;
    return { value: this.readSync(key, location), expiresAtMs };
  }

  async getEntry(key: Uint8Array): Promise<FoundValue | undefined> {
    const location = this.find(key);
    if (location === undefined) return undefined;
    const expiresAtMs = location.expiresAt || undefined;
    return { value: await this.readSoon(key, location), expiresAtMs };
  }

  /** The value at `location`, blocking. The file must be in use or pinned. */
  readSync(
    key: Uint8Array,
    location: Readonly<Location>,
    file = this.fileOf(location),
  ): Uint8Array {
    const isSmall = location.size <= this.scratch.length;
    const record = isSmall ? this.scratch.subarray(0, location.size) : ownedBytes(location.size);
    const handle = this.files.handleOf(file);
    let count: number;
    try {
      count = handle.readSync(record, location.position);
    } catch (error) {
      throw readFailure(error, file);
    }
    const start = this.check(record, count, key, location, file);
    // The scratch buffer is for one read only: the caller gets a copy.
    return isSmall ? new Uint8Array(record.subarray(start)) : plain(record.subarray(start));
  }

  /** As {@link RecordReader.readSync}, without blocking for large records: those come as a promise. */
  readSoon(
    key: Uint8Array,
    location: Readonly<Location>,
    file = this.fileOf(location),
  ): Uint8Array | Promise<Uint8Array> {
    if (location.size <= BLOCKING_READ_BYTES) return this.readSync(key, location, file);
    return this.read(key, location, file);
  }

  private async read(
    key: Uint8Array,
    location: Readonly<Location>,
    file: DataFile,
  ): Promise<Uint8Array> {
    const at = { ...location };
    const record = ownedBytes(at.size);
    const handle = this.files.beginRead(file);
    try {
      const count = await handle.read(record, at.position).catch((error: unknown) => {
        throw readFailure(error, file);
      });
      return plain(record.subarray(this.check(record, count, key, at, file)));
    } finally {
      this.files.endRead(file);
    }
  }

  /** The location of a key that is there and has not expired; valid until the next call. */
  private find(key: Uint8Array): Location | undefined {
    if (!this.keydir.get(key, this.location)) return undefined;
    return this.time.hasExpired(this.location.expiresAt) ? undefined : this.location;
  }

  private fileOf(location: Readonly<Location>): DataFile {
    return this.files.get(location.fileId);
  }

  /** @returns where the value begins @throws BitcaskError `BITCASK_CORRUPT` */
  private check(
    record: Buffer,
    count: number,
    key: Uint8Array,
    location: Readonly<Location>,
    file: DataFile,
  ): number {
    const fault = this.faultOf(record, count, key, location, file);
    if (fault === undefined) return this.header.keyStart + this.header.keySize;
    throw new BitcaskError({
      code: "BITCASK_CORRUPT",
      message:
        `${file.path} is damaged at offset ${location.position}: ${fault}; the value of key ` +
        `${JSON.stringify(asBuffer(key.subarray(0, 64)).toString("latin1"))} is lost`,
      file: file.path,
      offset: location.position,
    });
  }

  private faultOf(
    record: Buffer,
    count: number,
    key: Uint8Array,
    location: Readonly<Location>,
    file: DataFile,
  ): string | undefined {
    const { header } = this;
    if (count < record.length) return "the file ends inside the record";
    readRecordHeader(record, 0, header);
    const fault = headerFault(header, record.length);
    if (fault !== undefined) return fault;
    if (header.recordSize !== record.length) return "its size is not the one in the index";
    if (this.verifyChecksums && !hasValidCrc(record, 0, header, file.salt)) {
      return "checksum does not match";
    }
    const isOurs =
      header.sequence === location.sequence &&
      (header.flags & TOMBSTONE) === 0 &&
      record.compare(key, 0, key.length, header.keyStart, header.keyStart + header.keySize) === 0;
    return isOurs ? undefined : "another record lies there";
  }
}

function ownedBytes(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size);
}

/** A `Uint8Array` that is not a `Buffer`, over the same memory. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function readFailure(error: unknown, file: DataFile): BitcaskError {
  return toBitcaskError(error, {
    action: "read",
    file: file.path,
    otherwise: "BITCASK_READ_FAILED",
  });
}
