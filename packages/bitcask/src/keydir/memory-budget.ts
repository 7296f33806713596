import { BitcaskError } from "../errors.js";

/** A chunk more of everything that comes in chunks. */
const SLACK_BYTES = 4 * 1024 * 1024;

/**
 * Counts what the tables allocate. While it is enforced an allocation that would pass the limit is
 * refused; structures ask before they change anything, so a refusal leaves them as they were.
 *
 * It is enforced during a load only. A write that the keydir is told about is on disk already, so it
 * must go in; whether there is room is asked before, through {@link MemoryBudget.allows}.
 */
export class MemoryBudget {
  private readonly maxBytes: number;
  private taken = 0;
  isEnforced = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /**
   * @throws BitcaskError `BITCASK_INDEX_FULL` when enforced, and fewer than `bytes` are left of the
   *   limit and a quarter: what was filled to the limit by writes must load again, and tables that
   *   grow at once take more than their share
   */
  take(bytes: number): void {
    if (this.isEnforced && this.taken + bytes > this.maxBytes * 1.25 + SLACK_BYTES) {
      throw new BitcaskError({
        code: "BITCASK_INDEX_FULL",
        message:
          `the index of keys takes ${this.taken} bytes, needs ${bytes} more and may take ` +
          `${this.maxBytes}; raise maxKeydirBytes`,
      });
    }
    this.taken += bytes;
  }

  /** Whether so many bytes are left. */
  allows(bytes: number): boolean {
    return this.taken + bytes <= this.maxBytes;
  }

  give(bytes: number): void {
    this.taken -= bytes;
  }

  /** Bytes allocated now. Untouched pages of an allocation may not be resident yet. */
  get bytes(): number {
    return this.taken;
  }
}
