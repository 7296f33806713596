/** How failures of the store look to users of Level: known codes, the store's own error as `cause`. */
import { isBitcaskError, type WriteOutcome } from "../errors.js";

/**
 * Codes of {@link BitcaskLevelError}. They are those of abstract-level, where it has a fitting one.
 */
export type BitcaskLevelErrorCode =
  /** The read was aborted through its `signal`. */
  | "LEVEL_ABORTED"
  /** Bytes on disk are not what was written. */
  | "LEVEL_CORRUPTION"
  /** `errorIfExists` is on and there is a store. Not among abstract-level's codes. */
  | "LEVEL_DATABASE_EXISTS"
  /** `createIfMissing` is off and there is no store. Not among abstract-level's codes. */
  | "LEVEL_DATABASE_MISSING"
  /** The store was closed. */
  | "LEVEL_DATABASE_NOT_OPEN"
  /** The key is too large, or a string that UTF-8 cannot express. */
  | "LEVEL_INVALID_KEY"
  /** The value, or the batch as a whole, is too large. */
  | "LEVEL_INVALID_VALUE"
  /** The disk is full, a read, write or fsync failed, too much is waiting to be written, or any other
   *  failure of the store; its own code is in `cause`. */
  | "LEVEL_IO_ERROR"
  /** The directory is in use by another process or instance. */
  | "LEVEL_LOCKED"
  /** The format of the store is newer than this release, or the store keeps no order to iterate in. */
  | "LEVEL_NOT_SUPPORTED";

interface BitcaskLevelErrorInit {
  readonly code: BitcaskLevelErrorCode;
  readonly message: string;
  readonly outcome?: WriteOutcome | undefined;
  readonly cause?: unknown;
}

export class BitcaskLevelError extends Error {
  override readonly name: string;
  readonly code: BitcaskLevelErrorCode;
  /** What became of the write that failed; `undefined` when it was none. */
  readonly outcome: WriteOutcome | undefined;

  constructor(init: BitcaskLevelErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    // The name under which the web platform and abstract-level know an abort.
    this.name = init.code === "LEVEL_ABORTED" ? "AbortError" : "BitcaskLevelError";
    this.code = init.code;
    this.outcome = init.outcome;
  }
}

/** The store's codes that are not about its disk. Those that are become `LEVEL_IO_ERROR`. */
const CODES: Readonly<Record<string, BitcaskLevelErrorCode | undefined>> = {
  BITCASK_CLOSED: "LEVEL_DATABASE_NOT_OPEN",
  BITCASK_CORRUPT: "LEVEL_CORRUPTION",
  BITCASK_LOCKED: "LEVEL_LOCKED",
  BITCASK_NEWER_FORMAT: "LEVEL_NOT_SUPPORTED",
  BITCASK_NOT_FOUND: "LEVEL_DATABASE_MISSING",
  BITCASK_KEY_EMPTY: "LEVEL_INVALID_KEY",
  BITCASK_KEY_TOO_LARGE: "LEVEL_INVALID_KEY",
  BITCASK_INVALID_STRING: "LEVEL_INVALID_KEY",
  BITCASK_VALUE_TOO_LARGE: "LEVEL_INVALID_VALUE",
  BITCASK_BATCH_TOO_LARGE: "LEVEL_INVALID_VALUE",
  BITCASK_UNORDERED: "LEVEL_NOT_SUPPORTED",
};

/** The store's errors under Level's codes; anything else (a `TypeError`, say) as it is. */
export function toLevelError(error: unknown): unknown {
  if (!isBitcaskError(error)) return error;
  const { message, outcome } = error;
  const code = CODES[error.code] ?? "LEVEL_IO_ERROR";
  return new BitcaskLevelError({ code, message, outcome, cause: error });
}
