/** Settings of a keydir; all optional. */
export interface KeydirOptions {
  /**
   * Keep an order over keys, for scans. Without it about 6 bytes per key, a third of the time of
   * inserting a fresh key and half of a deletion's are saved, and `cursor` throws. @default true
   */
  readonly ordered?: boolean;
  /**
   * Most bytes to allocate, 4 MiB or more. A load that would need more throws `BITCASK_INDEX_FULL`;
   * before writes, `Keydir.hasRoomFor` is to be asked. @default Infinity
   */
  readonly maxBytes?: number;
  /**
   * Most old versions kept for open snapshots (each about 50 bytes). Beyond it the oldest snapshots
   * are given up: reading through them throws `BITCASK_SNAPSHOT_GONE`. @default 1_048_576
   */
  readonly maxVersions?: number;
  /** Most snapshots open at once, those of cursors included. @default 4096 */
  readonly maxSnapshots?: number;
}

const DEFAULTS: Required<KeydirOptions> = {
  ordered: true,
  maxBytes: Number.POSITIVE_INFINITY,
  maxVersions: 1_048_576,
  maxSnapshots: 4096,
};
const MIN_BYTES = 4 * 1024 * 1024;

/** @throws RangeError on a value out of range */
export function resolveKeydirOptions(options: KeydirOptions): Required<KeydirOptions> {
  const resolved = { ...DEFAULTS, ...options };
  if (!(resolved.maxBytes >= MIN_BYTES)) {
    throw new RangeError(`maxBytes is at least ${MIN_BYTES}, not ${resolved.maxBytes}`);
  }
  if (!Number.isSafeInteger(resolved.maxVersions) || resolved.maxVersions < 1) {
    throw new RangeError(`maxVersions is a positive integer, not ${resolved.maxVersions}`);
  }
  if (!Number.isSafeInteger(resolved.maxSnapshots) || resolved.maxSnapshots < 1) {
    throw new RangeError(`maxSnapshots is a positive integer, not ${resolved.maxSnapshots}`);
  }
  return resolved;
}
