/**
 * Every failure that the store reports on purpose. Callers test `code`, not `instanceof`: two copies
 * of the package may be installed. Codes are API; messages are prose and may change.
 *
 * A wrong type (a number for a key, an unknown option) is a plain `TypeError` or `RangeError`.
 */

/** The closed set of codes of {@link BitcaskError}. */
export type BitcaskErrorCode =
  /** The call came after `close()`. */
  | "BITCASK_CLOSED"
  /** Bytes on disk are not what was written. `file`, `offset` say where; nothing wrong is served. */
  | "BITCASK_CORRUPT"
  /** The directory is in use; the message names the holder. */
  | "BITCASK_LOCKED"
  /** The directory was written by a newer release, or needs a feature this one does not know. */
  | "BITCASK_NEWER_FORMAT"
  /** A file is encrypted with a key that was not given; `keyId` names it. */
  | "BITCASK_ENCRYPTION_KEY_MISSING"
  /** The key given for `keyId` is not the one that a file was encrypted with. */
  | "BITCASK_ENCRYPTION_KEY_WRONG"
  /** A value was compressed with a codec that is not among `codecs`. */
  | "BITCASK_UNKNOWN_CODEC"
  /** `createIfMissing` is off and there is no store. */
  | "BITCASK_NOT_FOUND"
  /** The operating system denies access (read-only directory, permissions). */
  | "BITCASK_ACCESS_DENIED"
  /** No space left. The write did not happen; the store goes on once there is space. */
  | "BITCASK_DISK_FULL"
  /** Out of file descriptors. The call did nothing and may be repeated. */
  | "BITCASK_TOO_MANY_FILES"
  /** A write failed. The store is poisoned: every later call fails with this code until reopened. */
  | "BITCASK_WRITE_FAILED"
  /** An fsync failed. The store is poisoned: every later call fails with this code until reopened. */
  | "BITCASK_SYNC_FAILED"
  /** A read failed in the operating system. Nothing is known to be damaged. */
  | "BITCASK_READ_FAILED"
  /** The write queue holds `maxQueuedWrites` or `maxWaitingBytes`. Nothing happened; await earlier writes. */
  | "BITCASK_OVERLOADED"
  /** The store was opened for reading only. Nothing happened. */
  | "BITCASK_READ_ONLY"
  /** A checkpoint or restore was interrupted in this directory; it is not a store. */
  | "BITCASK_INCOMPLETE_COPY"
  /** The directory for a copy has something in it. Nothing happened. */
  | "BITCASK_TARGET_NOT_EMPTY"
  /** No hard link can be made: the target is on another file system, or the file system has none. */
  | "BITCASK_CANNOT_LINK"
  /** The bytes are not a backup, or not all of one, or not as they were written. Nothing is restored. */
  | "BITCASK_BACKUP_DAMAGED"
  /** The key is empty. */
  | "BITCASK_KEY_EMPTY"
  /** The key is longer than `maxKeyBytes`. */
  | "BITCASK_KEY_TOO_LARGE"
  /** The key or value is a string with a lone surrogate, which UTF-8 cannot express. */
  | "BITCASK_INVALID_STRING"
  /** The value is larger than `maxValueBytes`. */
  | "BITCASK_VALUE_TOO_LARGE"
  /** The batch is larger than `maxBatchBytes`. */
  | "BITCASK_BATCH_TOO_LARGE"
  /** The index of keys needs more memory than `maxKeydirBytes`. A refused write did not happen. */
  | "BITCASK_INDEX_FULL"
  /** A scan, on a store opened with `ordered: false`. */
  | "BITCASK_UNORDERED"
  /** The scan's view was given up: too much was overwritten while it was open. Begin a new scan. */
  | "BITCASK_SNAPSHOT_GONE"
  /** Too many scans are open at once. End one, or leave its loop. */
  | "BITCASK_TOO_MANY_SNAPSHOTS";

/**
 * What became of the write that failed. `"unknown"`: it may or may not be there after a reopen;
 * repeat it only if that is harmless.
 */
export type WriteOutcome = "applied" | "not-applied" | "unknown";

/** What a {@link BitcaskError} is made of beside its message. */
export interface BitcaskErrorInit {
  readonly code: BitcaskErrorCode;
  readonly message: string;
  readonly outcome?: WriteOutcome | undefined;
  readonly file?: string | undefined;
  readonly offset?: number | undefined;
  readonly keyId?: number | undefined;
  readonly cause?: unknown;
}

export class BitcaskError extends Error {
  override readonly name: string = "BitcaskError";
  readonly code: BitcaskErrorCode;
  /** Set on failed writes only. */
  readonly outcome: WriteOutcome | undefined;
  /** Path of the file concerned, where there is one. */
  readonly file: string | undefined;
  /** Byte offset in `file`, where one is known. */
  readonly offset: number | undefined;
  /** Id of the encryption key concerned, where there is one. */
  readonly keyId: number | undefined;

  constructor(init: BitcaskErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.outcome = init.outcome;
    this.file = init.file;
    this.offset = init.offset;
    this.keyId = init.keyId;
  }
}

/** Whether `error` is a {@link BitcaskError}, of this copy of the package or another. */
export function isBitcaskError(error: unknown): error is BitcaskError {
  return (
    error instanceof Error &&
    error.name === "BitcaskError" &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("BITCASK_")
  );
}
