/** The three kinds of iterators: entries, keys and values over a {@link SnapshotScan}. */
import {
  AbstractIterator,
  type AbstractIteratorOptions,
  AbstractKeyIterator,
  AbstractValueIterator,
} from "abstract-level";
import type { BitcaskLevel } from "./bitcask-level.js";
import { type LevelRange, storedBytes } from "./key-bounds.js";
import { BitcaskLevelError, toLevelError } from "./level-error.js";
import type { SnapshotRequest } from "./level-snapshot.js";
import type { Row, SnapshotScan } from "./snapshot-scan.js";
import { fromStoredKey, type LevelKey } from "./stored-key.js";
import { inFormat, type LevelFormat } from "./value-format.js";

/** What abstract-level hands to `_iterator`, `_keys` and `_values`. */
export interface IteratorRequest extends LevelRange, SnapshotRequest {
  readonly keyEncoding: LevelFormat;
  readonly valueEncoding: LevelFormat;
  readonly keys?: boolean | undefined;
  readonly values?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface IteratorParts {
  readonly scan: SnapshotScan;
  readonly request: IteratorRequest;
}

/** What the three have in common; `T` is what they yield. */
class Reader<T> {
  private readonly parts: IteratorParts;
  private readonly toItem: (row: Row, request: IteratorRequest) => T;

  constructor(parts: IteratorParts, toItem: (row: Row, request: IteratorRequest) => T) {
    this.parts = parts;
    this.toItem = toItem;
  }

  async next(): Promise<T | undefined> {
    const { scan, request } = this.parts;
    let row: Row | undefined;
    try {
      row = await scan.next();
    } catch (error) {
      throw toLevelError(error);
    }
    if (request.signal?.aborted === true) {
      const { reason: cause } = request.signal as { reason: unknown };
      throw new BitcaskLevelError({
        code: "LEVEL_ABORTED",
        message: "the read was aborted",
        cause,
      });
    }
    return row && this.toItem(row, request);
  }

  async nextv(size: number): Promise<T[]> {
    const items: T[] = [];
    while (items.length < size) {
      const item = await this.next();
      if (item === undefined) break;
      items.push(item);
    }
    return items;
  }

  seek(target: LevelKey): void {
    this.parts.scan.seek(storedBytes(target));
  }

  async close(): Promise<void> {
    this.parts.scan.close();
  }
}

function keyOf({ key }: Row, { keyEncoding }: IteratorRequest): string | Uint8Array {
  return inFormat(fromStoredKey(key), keyEncoding);
}

function valueOf({ value }: Row, { valueEncoding }: IteratorRequest): string | Uint8Array {
  if (value === undefined) throw new Error("assertion: a scan for values reads them");
  return inFormat(value, valueEncoding);
}

type Item = string | Uint8Array;
type Entry = [Item | undefined, Item | undefined];

function entryOf(row: Row, request: IteratorRequest): Entry {
  return [
    request.keys === false ? undefined : keyOf(row, request),
    request.values === false ? undefined : valueOf(row, request),
  ];
}

export class BitcaskIterator<K, V> extends AbstractIterator<BitcaskLevel<K, V>, K, V> {
  readonly #reader: Reader<Entry>;

  constructor(db: BitcaskLevel<K, V>, parts: IteratorParts) {
    super(db, parts.request as AbstractIteratorOptions<K, V>);
    this.#reader = new Reader(parts, entryOf);
  }

  protected _next(): Promise<Entry | undefined> {
    return this.#reader.next();
  }

  protected _nextv(size: number): Promise<Entry[]> {
    return this.#reader.nextv(size);
  }

  protected _seek(target: LevelKey): void {
    this.#reader.seek(target);
  }

  protected _close(): Promise<void> {
    return this.#reader.close();
  }
}

export class BitcaskKeyIterator<K, V> extends AbstractKeyIterator<BitcaskLevel<K, V>, K> {
  readonly #reader: Reader<Item>;

  constructor(db: BitcaskLevel<K, V>, parts: IteratorParts) {
    super(db, parts.request as AbstractIteratorOptions<K, V>);
    this.#reader = new Reader(parts, keyOf);
  }

  protected _next(): Promise<Item | undefined> {
    return this.#reader.next();
  }

  protected _nextv(size: number): Promise<Item[]> {
    return this.#reader.nextv(size);
  }

  protected _seek(target: LevelKey): void {
    this.#reader.seek(target);
  }

  protected _close(): Promise<void> {
    return this.#reader.close();
  }
}

export class BitcaskValueIterator<K, V> extends AbstractValueIterator<BitcaskLevel<K, V>, K, V> {
  readonly #reader: Reader<Item>;

  constructor(db: BitcaskLevel<K, V>, parts: IteratorParts) {
    super(db, parts.request as AbstractIteratorOptions<K, V>);
    this.#reader = new Reader(parts, valueOf);
  }

  protected _next(): Promise<Item | undefined> {
    return this.#reader.next();
  }

  protected _nextv(size: number): Promise<Item[]> {
    return this.#reader.nextv(size);
  }

  protected _seek(target: LevelKey): void {
    this.#reader.seek(target);
  }

  protected _close(): Promise<void> {
    return this.#reader.close();
  }
}
