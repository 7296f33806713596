/** Stable codes of {@link KeydirError}. */
export type KeydirErrorCode =
  /** The next allocation would pass `maxBytes`, or the table's own limit of 2^31 records. */
  | "KEYDIR_FULL"
  /** The snapshot was released, or given up because too many versions were kept for it. */
  | "KEYDIR_SNAPSHOT_GONE"
  /** `maxSnapshots` are open already. */
  | "KEYDIR_TOO_MANY_SNAPSHOTS"
  /** A scan of a keydir that was created with `ordered: false`. */
  | "KEYDIR_UNORDERED";

/**
 * A refusal by the keydir. Nothing was changed by the call that threw: `outcome` says so in the words
 * that all of Titan uses.
 */
export class KeydirError extends Error {
  override readonly name: string = "KeydirError";
  readonly code: KeydirErrorCode;
  readonly outcome = "not-applied";

  constructor(code: KeydirErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether `error` is a keydir's refusal with this code; works across copies of the package. */
export function isKeydirError(error: unknown, code: KeydirErrorCode): boolean {
  return (
    error instanceof Error && error.name === "KeydirError" && "code" in error && error.code === code
  );
}
