/** Where the rows of a scan come from: a walk over the store, or rows kept in memory. */
import type { Bitcask } from "../bitcask.js";
import type { ScanOptions } from "../options.js";
import { BitcaskLevelError } from "./level-error.js";

export interface Row {
  /** As stored. */
  readonly key: Uint8Array;
  /** `undefined` in scans of keys only. */
  readonly value: Uint8Array | undefined;
}

export interface RowSource {
  /** @returns `undefined` at the end */
  next(): Promise<Row | undefined>;
  close(): Promise<void>;
}

/** Rows as they are at the call: the store fixes its view in the first step, taken at once. */
export function openWalk(store: Bitcask, options: ScanOptions, hasValues: boolean): RowSource {
  return hasValues
    ? new Walk(store.entries(options), (entry) => entry)
    : new Walk(store.keys(options), (key) => ({ key, value: undefined }));
}

class Walk<T> implements RowSource {
  private readonly rows: AsyncIterableIterator<T>;
  private readonly toRow: (item: T) => Row;
  private first: Promise<IteratorResult<T>> | undefined;

  constructor(rows: AsyncIterableIterator<T>, toRow: (item: T) => Row) {
    this.rows = rows;
    this.toRow = toRow;
    this.first = rows.next();
    // Whoever reads the row gets the error; a walk closed unread must not end the process.
    this.first.catch(() => undefined);
  }

  async next(): Promise<Row | undefined> {
    const step = this.first ?? this.rows.next();
    this.first = undefined;
    const result = await step;
    return result.done === true ? undefined : this.toRow(result.value);
  }

  async close(): Promise<void> {
    await this.rows.return?.();
  }
}

/** Rows in memory, in walking order. */
export class KeptRows implements RowSource {
  private readonly rows: readonly Row[];
  private index = 0;

  private constructor(rows: readonly Row[]) {
    this.rows = rows;
  }

  /**
   * Reads `source` to its end and closes it.
   * @throws BitcaskLevelError `LEVEL_REWIND_TOO_LARGE` when its rows exceed `maxBytes`
   */
  static async of(source: RowSource, maxBytes: number): Promise<KeptRows> {
    const rows: Row[] = [];
    let bytes = 0;
    try {
      for (let row = await source.next(); row; row = await source.next()) {
        bytes += row.key.length + (row.value?.length ?? 0);
        if (bytes > maxBytes) {
          throw new BitcaskLevelError({
            code: "LEVEL_REWIND_TOO_LARGE",
            message:
              `seeking backwards in a range that was written to since takes more than ` +
              `maxRewindBytes (${maxBytes}); open a new iterator, narrow it or raise the option`,
          });
        }
        rows.push(row);
      }
    } finally {
      await source.close();
    }
    return new KeptRows(rows);
  }

  /** Goes to the first row that `isBefore` denies. It must hold for a leading part of the rows. */
  seek(isBefore: (key: Uint8Array) => boolean): void {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore((this.rows[middle] as Row).key)) low = middle + 1;
      else high = middle;
    }
    this.index = low;
  }

  next(): Promise<Row | undefined> {
    const row = this.rows[this.index];
    this.index += 1;
    return Promise.resolve(row);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
