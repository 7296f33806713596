/** Ordered walks over a frozen view of the store. */
import { toBytes } from "./bytes.js";
import type { DataFile } from "./data-file.js";
import type { KeydirSnapshot, KeyRange, Location } from "./keydir.js";
import { createLocation } from "./keydir.js";
import type { ScanOptions } from "./options.js";
import type { Store } from "./store.js";

/** What a walk yields. */
export interface ScannedEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly expiresAtMs: number | undefined;
}

/**
 * Entries of the range in order, as of the first `next()`. Reads the disk once per entry.
 * @throws TypeError, RangeError for bad options, at the call
 */
export function scanEntries(
  store: Store,
  options: ScanOptions = {},
): AsyncIterableIterator<ScannedEntry> {
  return walk(store, toKeyRange(options), toLimit(options), async (key, location, file) => ({
    key,
    expiresAtMs: location.expiresAt || undefined,
    value: await store.reader.read(key, location, file),
  }));
}

/** Keys of the range, as {@link scanEntries}. Reads no disk. */
export function scanKeys(
  store: Store,
  options: ScanOptions = {},
): AsyncIterableIterator<Uint8Array> {
  return walk(store, toKeyRange(options), toLimit(options), (key) => Promise.resolve(key));
}

async function* walk<T>(
  store: Store,
  range: KeyRange | undefined,
  limit: number,
  toResult: (key: Uint8Array, location: Location, file: DataFile) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  store.assertReadable();
  if (range === undefined || limit === 0) return;
  const view = new FrozenView(store, range);
  try {
    const location = createLocation();
    // Judged once for the whole walk, so that a key does not vanish half-way.
    const hasExpired = (expiresAt: number) => view.hasExpired(expiresAt);
    let count = 0;
    for (let key = view.next(location); key; key = view.next(location)) {
      if (hasExpired(location.expiresAt)) continue;
      yield await toResult(key, location, view.fileOf(location));
      store.assertReadable();
      count += 1;
      if (count >= limit) return;
    }
  } finally {
    view.release();
  }
}

/** A keydir snapshot, with the files that it points into kept on disk. */
class FrozenView {
  private readonly store: Store;
  private readonly snapshot: KeydirSnapshot;
  private readonly files = new Map<number, DataFile>();
  private readonly now: number;

  constructor(store: Store, range: KeyRange) {
    this.store = store;
    this.now = store.now.now();
    this.snapshot = store.keydir.snapshot(range);
    for (const file of store.files.list()) {
      store.files.pin(file);
      this.files.set(file.id, file);
    }
  }

  next(location: Location): Uint8Array | undefined {
    return this.snapshot.next(location);
  }

  fileOf(location: Location): DataFile {
    const file = this.files.get(location.fileId);
    if (file === undefined) throw new Error(`assertion: no data file ${location.fileId}`);
    return file;
  }

  hasExpired(expiresAt: number): boolean {
    return expiresAt !== 0 && expiresAt <= this.now && this.store.now.hasExpired(expiresAt);
  }

  release(): void {
    this.snapshot.release();
    for (const file of this.files.values()) this.store.files.unpin(file);
    this.files.clear();
  }
}

/** @returns `undefined` for a range that no key can be in */
function toKeyRange(options: ScanOptions): KeyRange | undefined {
  let lower = tighter(bound(options.gt, "gt", false), bound(options.gte, "gte", true), 1);
  let upper = tighter(bound(options.lt, "lt", false), bound(options.lte, "lte", true), -1);
  if (options.prefix !== undefined) {
    const start = { key: copyOf(options.prefix, "prefix"), isInclusive: true };
    const end = successorOfPrefix(start.key);
    lower = tighter(lower, start, 1);
    upper = tighter(upper, end && { key: end, isInclusive: false }, -1);
  }
  if (options.reverse !== undefined && typeof options.reverse !== "boolean") {
    throw new TypeError("reverse must be a boolean");
  }
  if (lower && upper) {
    const order = Buffer.compare(lower.key, upper.key);
    if (order > 0 || (order === 0 && !(lower.isInclusive && upper.isInclusive))) return undefined;
  }
  return { lower, upper, isReverse: options.reverse ?? false };
}

function bound(
  key: Uint8Array | string | undefined,
  name: string,
  isInclusive: boolean,
): KeyRange["lower"] {
  return key === undefined ? undefined : { key: copyOf(key, name), isInclusive };
}

/** The bound that leaves fewer keys: the greater of two lower ones (1), the lesser of upper ones (-1). */
function tighter(a: KeyRange["lower"], b: KeyRange["lower"], side: 1 | -1): KeyRange["lower"] {
  if (a === undefined || b === undefined) return a ?? b;
  const order = Buffer.compare(a.key, b.key) * side;
  if (order === 0) return a.isInclusive ? b : a;
  return order > 0 ? a : b;
}

/** A bound must stay as it is while the walk waits for its first step. */
function copyOf(input: Uint8Array | string, name: string): Uint8Array {
  return Uint8Array.from(toBytes(input, name));
}

/** The first key behind all keys with this prefix; `undefined` when there is none. */
function successorOfPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return undefined;
  const end = Uint8Array.from(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] as number) + 1;
  return end;
}

function toLimit({ limit }: ScanOptions): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new RangeError(`limit must be an integer of 0 or more: ${limit}`);
  }
  return limit;
}
