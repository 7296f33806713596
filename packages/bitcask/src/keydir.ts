/**
 * The index: where the newest record of each key lies. Synchronous, in memory, no I/O. Callers own the
 * `Location` objects they pass and may reuse them; an implementation copies.
 */

/** Where a record lies, and what a reader must know before it goes there. */
export interface Location {
  fileId: number;
  /** Byte offset of the record in its file. */
  position: number;
  /** Size of the whole record in bytes. */
  size: number;
  sequence: number;
  /** Milliseconds since the Unix epoch; 0 means never. */
  expiresAt: number;
  /** Six bits for the engine; unused so far, 0. */
  flags: number;
}

export function createLocation(): Location {
  return { fileId: 0, position: 0, size: 0, sequence: 0, expiresAt: 0, flags: 0 };
}

/** A half-open or closed range of keys in byte order. Missing bounds are open. */
export interface KeyRange {
  readonly lower: { readonly key: Uint8Array; readonly isInclusive: boolean } | undefined;
  readonly upper: { readonly key: Uint8Array; readonly isInclusive: boolean } | undefined;
  readonly isReverse: boolean;
}

export interface Keydir {
  /** Number of keys. */
  readonly size: number;
  /** Fills `out` and returns true when the key is there. */
  get(key: Uint8Array, out: Location): boolean;
  /** @returns whether the key was there; `displaced` then holds its former location */
  set(key: Uint8Array, location: Location, displaced: Location): boolean;
  /** @returns whether the key was there; `displaced` then holds its former location */
  delete(key: Uint8Array, displaced: Location): boolean;
  /**
   * The keys of `range` as they are now, for later: unaffected by changes meanwhile.
   * The caller must call `release()` when done.
   */
  snapshot(range: KeyRange): KeydirSnapshot;
}

/** A frozen, ordered walk over keys. */
export interface KeydirSnapshot {
  /** Fills `out` and returns the next key, the caller's to keep; `undefined` at the end. */
  next(out: Location): Uint8Array | undefined;
  /** Idempotent. */
  release(): void;
}
