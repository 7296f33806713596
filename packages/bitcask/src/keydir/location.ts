/**
 * Where the newest record of a key lies, and what a reader must know before it goes there.
 *
 * The keydir never hands out objects of its own: callers pass one `Location` and reuse it, so that a
 * lookup allocates nothing. All fields stay numbers for the same reason.
 */
export interface Location {
  /** Data file, 0 to 2^32 - 1. */
  fileId: number;
  /** Byte offset of the record in its file, 0 to 2^48 - 1. */
  position: number;
  /** Size in bytes, of the record or of its value as the engine likes, 0 to 2^32 - 1. */
  size: number;
  /** Sequence number of the write, 0 to 2^53 - 1. */
  sequence: number;
  /** Milliseconds since the Unix epoch after which the record counts as gone; 0 means never. */
  expiresAt: number;
  /** Six bits for the engine, 0 to 63. */
  flags: number;
  /** Out only: the number under which the keydir keeps it, 1 to 2^31 - 1. It stays the same while the
   *  key is overwritten, and may be another key's once this one was deleted. */
  record: number;
}

/** Where a record lies, as in {@link Location}. */
export interface RecordPlace {
  readonly fileId: number;
  readonly position: number;
}

/** A fresh, zeroed `Location` to be reused as an out-parameter. */
export function createLocation(): Location {
  return { fileId: 0, position: 0, size: 0, sequence: 0, expiresAt: 0, flags: 0, record: 0 };
}

const MAX_UINT32 = 0xffff_ffff;
/** Largest record position, in bytes. */
export const MAX_POSITION = 2 ** 48 - 1;
/** Largest value of {@link Location.flags}. */
export const MAX_FLAGS = 63;

/**
 * Refuses a location that the packed form would cut short.
 * @throws RangeError naming the field
 */
export function checkLocation(location: Location): void {
  const { fileId, position, size, sequence, expiresAt, flags } = location;
  if (!isIntegerUpTo(fileId, MAX_UINT32)) throw outOfRange("fileId", fileId);
  if (!isIntegerUpTo(position, MAX_POSITION)) throw outOfRange("position", position);
  if (!isIntegerUpTo(size, MAX_UINT32)) throw outOfRange("size", size);
  if (!isIntegerUpTo(sequence, Number.MAX_SAFE_INTEGER)) throw outOfRange("sequence", sequence);
  if (!isIntegerUpTo(expiresAt, Number.MAX_SAFE_INTEGER)) throw outOfRange("expiresAt", expiresAt);
  if (!isIntegerUpTo(flags, MAX_FLAGS)) throw outOfRange("flags", flags);
}

/** As {@link checkLocation}, for the place alone. @throws RangeError */
export function checkPlace(fileId: number, position: number): void {
  if (!isIntegerUpTo(fileId, MAX_UINT32)) throw outOfRange("fileId", fileId);
  if (!isIntegerUpTo(position, MAX_POSITION)) throw outOfRange("position", position);
}

function isIntegerUpTo(value: number, limit: number): boolean {
  return value >= 0 && value <= limit && Math.floor(value) === value;
}

function outOfRange(field: string, value: number): RangeError {
  return new RangeError(`location.${field} is out of range: ${value}`);
}
