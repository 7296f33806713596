/** The entries of one keyspace, by key and in the order of their bytes. */

/** What a key holds, and where. */
export interface StoredEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly shard: number;
  /** Of the write that stored it. */
  readonly revision: number;
  /** By the server's clock; `undefined`: never. */
  readonly expiresAtMs: number | undefined;
}

/** Keys `from <= key`, and `key < to` unless `to` is empty. */
export interface KeySpan {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export class KeyTable {
  private readonly entries = new Map<string, StoredEntry>();
  /** All names, sorted; made when somebody looks for a range, dropped when a key comes or goes. */
  private order: readonly string[] | undefined;

  get size(): number {
    return this.entries.size;
  }

  get(key: Uint8Array): StoredEntry | undefined {
    return this.entries.get(nameOf(key));
  }

  set(entry: StoredEntry): void {
    const name = nameOf(entry.key);
    if (!this.entries.has(name)) this.order = undefined;
    this.entries.set(name, entry);
  }

  delete(key: Uint8Array): void {
    this.entries.delete(nameOf(key));
    this.order = undefined;
  }

  all(): readonly StoredEntry[] {
    return [...this.entries.values()];
  }

  /** The entries of a range in byte order. The table must not change meanwhile. */
  *within({ from, to }: KeySpan, isReverse: boolean): Generator<StoredEntry, void> {
    this.order ??= [...this.entries.keys()].sort();
    const first = firstFrom(this.order, nameOf(from));
    const end = to.length === 0 ? this.order.length : firstFrom(this.order, nameOf(to));
    for (let step = 0; step < end - first; step += 1) {
      const name = this.order[isReverse ? end - 1 - step : first + step] ?? "";
      const entry = this.entries.get(name);
      if (entry !== undefined) yield entry;
    }
  }
}

/** One character per byte: names are equal, and in order, as the keys are. */
export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

/** Index of the first name that is not less than `name`. */
function firstFrom(order: readonly string[], name: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((order[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
