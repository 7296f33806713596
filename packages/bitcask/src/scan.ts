/** Ordered walks over a frozen view of the store. */
import { toBytes } from "./bytes.js";
import type { DataFile } from "./data-file.js";
import { FrozenView } from "./frozen-view.js";
import type { CursorOptions, KeyCursor } from "./keydir/key-cursor.js";
import { createLocation } from "./keydir/location.js";
import type { ScanOptions } from "./options.js";
import type { Store } from "./store.js";

/** What a walk yields. */
export interface ScannedEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly expiresAtMs: number | undefined;
}

/** No key is longer, so bounds are cut there. */
const MAX_KEY_BYTES = 131_071;
const NO_KEY = new Uint8Array(0);
const BOUND_NAMES = ["gt", "gte", "lt", "lte", "prefix"] as const;
type BoundName = (typeof BOUND_NAMES)[number];

/**
 * Entries of the range in order, as of the first `next()`. Reads the disk once per entry.
 * @throws TypeError, RangeError for bad options, BitcaskError `BITCASK_UNORDERED`, at the call
 */
export function scanEntries(
  store: Store,
  options: ScanOptions = {},
  view?: FrozenView,
): AsyncIterableIterator<ScannedEntry> {
  return walkAsync(
    new Walk(store, options, { hasValues: true, view }),
    ({ key, location, file }) => {
      const expiresAtMs = location.expiresAt || undefined;
      const value = store.reader.readSoon(key, location, file);
      if (value instanceof Promise)
        return value.then((bytes) => ({ key, value: bytes, expiresAtMs }));
      return { key, value, expiresAtMs };
    },
  );
}

/** Values of the range, as {@link scanEntries}. */
export function scanValues(
  store: Store,
  options: ScanOptions = {},
  view?: FrozenView,
): AsyncIterableIterator<Uint8Array> {
  const walk = new Walk(store, options, { hasValues: true, view });
  return walkAsync(walk, ({ key, location, file }) => store.reader.readSoon(key, location, file));
}

/** Keys of the range, as {@link scanEntries}. Reads no disk. */
export function scanKeys(
  store: Store,
  options: ScanOptions = {},
  view?: FrozenView,
): AsyncIterableIterator<Uint8Array> {
  return walkAsync(new Walk(store, options, { hasValues: false, view }), ({ key }) => key);
}

/** As {@link scanEntries}, blocking for each read. */
export function scanEntriesSync(
  store: Store,
  options: ScanOptions = {},
  view?: FrozenView,
): IterableIterator<ScannedEntry> {
  return walkSync(
    new Walk(store, options, { hasValues: true, view }),
    ({ key, location, file }) => ({
      key,
      value: store.reader.readSync(key, location, file),
      expiresAtMs: location.expiresAt || undefined,
    }),
  );
}

/** As {@link scanKeys}. */
export function scanKeysSync(
  store: Store,
  options: ScanOptions = {},
  view?: FrozenView,
): IterableIterator<Uint8Array> {
  return walkSync(new Walk(store, options, { hasValues: false, view }), ({ key }) => key);
}

/** Not a generator: that would cost each row two promises more. */
function walkAsync<T>(
  walk: Walk,
  toResult: (walk: Walk) => T | Promise<T>,
): AsyncIterableIterator<T> {
  return {
    next() {
      try {
        if (!walk.next()) return Promise.resolve({ done: true, value: undefined });
        const value = toResult(walk);
        if (!(value instanceof Promise)) return Promise.resolve({ done: false, value });
        return value.then(
          (result) => ({ done: false, value: result }),
          (error: unknown) => {
            walk.end();
            throw error;
          },
        );
      } catch (error) {
        walk.end();
        return Promise.reject(error instanceof Error ? error : new Error(String(error)));
      }
    },
    return() {
      walk.end();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function walkSync<T>(walk: Walk, toResult: (walk: Walk) => T): IterableIterator<T> {
  return {
    next() {
      try {
        if (walk.next()) return { done: false, value: toResult(walk) };
      } catch (error) {
        walk.end();
        throw error;
      }
      return { done: true, value: undefined };
    },
    return() {
      walk.end();
      return { done: true, value: undefined };
    },
    [Symbol.iterator]() {
      return this;
    },
  };
}

/** A cursor over a frozen view, which is taken at the first step unless the caller brings one. */
class Walk {
  private readonly store: Store;
  private readonly range: CursorOptions | undefined;
  private readonly hasValues: boolean;
  private remaining: number;
  private cursor: KeyCursor | undefined;
  /** The caller's, or the walk's own from its first step on. */
  private view: FrozenView | undefined;
  private readonly ownsView: boolean;
  private hasEnded = false;
  readonly location = createLocation();
  key: Uint8Array = NO_KEY;

  constructor(
    store: Store,
    options: ScanOptions,
    how: { readonly hasValues: boolean; readonly view: FrozenView | undefined },
  ) {
    this.store = store;
    this.hasValues = how.hasValues;
    this.view = how.view;
    this.ownsView = how.view === undefined;
    this.range = toRange(options);
    this.remaining = toLimit(options);
    store.keydir.assertOrdered();
  }

  /** The file of the row at hand. */
  get file(): DataFile {
    if (this.view === undefined) throw new Error("assertion: the walk is at no row");
    return this.view.file(this.location.fileId);
  }

  /** Goes to the next row. @returns false at the end; the walk is then released */
  next(): boolean {
    if (this.hasEnded) return false;
    this.store.assertReadable();
    if (this.remaining === 0 || this.range === undefined) return this.end();
    this.view ??= new FrozenView(this.store);
    const cursor = this.cursor ?? this.open(this.range, this.view);
    while (cursor.next()) {
      cursor.location(this.location);
      if (this.view.hasExpired(this.location.expiresAt)) continue;
      this.key = cursor.key();
      this.remaining -= 1;
      return true;
    }
    return this.end();
  }

  /** Releases everything. Idempotent. */
  end(): false {
    this.hasEnded = true;
    this.cursor?.close();
    if (this.ownsView) this.view?.release();
    this.cursor = undefined;
    this.view = undefined;
    return false;
  }

  private open(range: CursorOptions, { snapshot }: FrozenView): KeyCursor {
    const { keydir, reader } = this.store;
    const onAhead = this.hasValues ? reader.lookAhead : undefined;
    this.cursor = keydir.cursor({ ...range, snapshot, expected: this.remaining, onAhead });
    return this.cursor;
  }
}

/** @returns `undefined` for a range that no key can be in */
function toRange(options: ScanOptions): CursorOptions | undefined {
  const { reverse } = options;
  if (reverse !== undefined && typeof reverse !== "boolean") {
    throw new TypeError("reverse must be a boolean");
  }
  const range: { -readonly [Bound in BoundName]?: Uint8Array } = {};
  for (const name of BOUND_NAMES) {
    const given = options[name];
    if (given === undefined) continue;
    const bytes = toBytes(given, name);
    const isReachable = bytes.length <= MAX_KEY_BYTES;
    if (!isReachable && name === "prefix") return undefined;
    // The keys on either side of a bound that no key reaches are those beside its beginning.
    const side = isReachable ? name : name.startsWith("g") ? "gt" : "lte";
    // A copy: the bound must stay as it is while the walk waits for its first step.
    const bound = Uint8Array.from(bytes.subarray(0, MAX_KEY_BYTES));
    const other = range[side];
    const direction = side.startsWith("g") ? 1 : -1;
    if (other === undefined || Buffer.compare(bound, other) * direction > 0) range[side] = bound;
  }
  return { ...range, reverse: reverse ?? false };
}

function toLimit({ limit }: ScanOptions): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new RangeError(`limit must be an integer of 0 or more: ${limit}`);
  }
  return limit;
}
