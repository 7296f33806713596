/** One data file as the running store knows it: where it is, how much of it is durable, what lives in it. */
import { DATA_HEADER_BYTES } from "./data-file-header.js";
import type { FileCipher } from "./encryption/file-cipher.js";
import type { FileHandle } from "./ports.js";

/** Width of the id in file names; ids are unsigned 32-bit. */
const ID_DIGITS = 10;

/** `"0000000007.data"` for 7. */
export function dataFileName(fileId: number): string {
  return `${String(fileId).padStart(ID_DIGITS, "0")}.data`;
}

/** `"0000000007.hint"` for 7. */
export function hintFileName(fileId: number): string {
  return `${String(fileId).padStart(ID_DIGITS, "0")}.hint`;
}

export class DataFile {
  readonly id: number;
  readonly path: string;
  readonly salt: number;
  readonly isMerged: boolean;
  /** Of an encrypted file. */
  readonly cipher: FileCipher | undefined;
  /** Bytes written, header included; the next record begins here. */
  size: number;
  /** Bytes known to be on stable storage. Invariant: durableSize <= size. */
  durableSize: number;
  /**
   * Where the zeros end that were written ahead of the records, at most; no more than `size` when there
   * are none. The file on disk is as large as the larger of the two, or smaller.
   */
  reservedSize = 0;
  /** Bytes of records that the keydir points to. Invariant: 0 <= liveBytes <= size - header. */
  liveBytes = 0;
  /** Bytes of tombstones that the merge which wrote this file could not drop yet. */
  keptTombstoneBytes = 0;
  /** Bytes whose records a hint file covers. Invariant: hintedBytes <= durableSize. */
  hintedBytes = DATA_HEADER_BYTES;
  /** Lowest sequence number in the file; Infinity while it holds no record. */
  minSequence = Number.POSITIVE_INFINITY;
  /** A merge found damage in it: it stays as it is, for whoever reads the damaged record to be told. */
  isUnmergeable = false;
  /** Sealed files never change again. */
  isSealed = false;
  /** Open descriptor, when there is one; see {@link FileSet}. */
  handle: FileHandle | undefined;
  /** Readers that need the file to stay: snapshots and reads under way. */
  pinCount = 0;
  /** Reads under way, for which the descriptor must stay open. Invariant: readCount <= pinCount. */
  readCount = 0;
  /** Tick of the last use of the descriptor. */
  lastUsed = 0;

  constructor(identity: {
    readonly id: number;
    readonly path: string;
    readonly salt: number;
    readonly isMerged: boolean;
    readonly cipher: FileCipher | undefined;
    readonly size: number;
  }) {
    this.id = identity.id;
    this.path = identity.path;
    this.salt = identity.salt;
    this.isMerged = identity.isMerged;
    this.cipher = identity.cipher;
    this.size = identity.size;
    this.durableSize = DATA_HEADER_BYTES;
  }

  /** Names the key that the file is encrypted with; 0: none. */
  get keyId(): number {
    return this.cipher?.keyId ?? 0;
  }

  /** Bytes of records that nothing points to, tombstones included. */
  get deadBytes(): number {
    return this.size - DATA_HEADER_BYTES - this.liveBytes;
  }
}
