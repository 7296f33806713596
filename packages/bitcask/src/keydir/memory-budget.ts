import { KeydirError } from "./keydir-error.js";

/**
 * Counts what the tables allocate and refuses what would pass the limit. Structures ask before they
 * change anything, so a refusal leaves them as they were.
 */
export class MemoryBudget {
  private readonly maxBytes: number;
  private taken = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** @throws KeydirError `KEYDIR_FULL` when fewer than `bytes` are left */
  take(bytes: number): void {
    if (this.taken + bytes > this.maxBytes) {
      throw new KeydirError(
        "KEYDIR_FULL",
        `the keydir takes ${this.taken} bytes, needs ${bytes} more and may take ${this.maxBytes}`,
      );
    }
    this.taken += bytes;
  }

  /** Whether {@link take} would succeed. */
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
