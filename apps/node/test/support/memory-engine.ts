/** An engine over a map. Writes wait until the test answers them, in order, as a shared sync would. */
import {
  type Engine,
  type EngineRange,
  type EngineStats,
  type EngineWrite,
  type StoredRecord,
  ViewGone,
} from "../../src/kv/engine.js";

/** A timer that rings when the test says so. */
export class ManualTimer {
  readonly #callbacks = new Set<() => void>();

  schedule(_delayMs: number, callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  /** Callbacks that wait. */
  get waiting(): number {
    return this.#callbacks.size;
  }

  ring(): void {
    for (const callback of this.#callbacks) callback();
    this.#callbacks.clear();
  }
}

interface Waiting {
  readonly writes: readonly EngineWrite[];
  readonly atMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class MemoryEngine implements Engine {
  readonly #records = new Map<string, StoredRecord>();
  #waiting: Waiting[] = [];
  /** When false, writes are answered only by {@link MemoryEngine.settle} or {@link MemoryEngine.fail}. */
  isImmediate = true;
  /** How often waiting writes were settled, as a stand-in for syncs. */
  settledGroups = 0;
  wallMs = 1_000_000;
  /** Scans that were begun and neither ended nor let go. */
  openViews = 0;
  /** How many records each view gives before it is given up. */
  viewRecords = Number.POSITIVE_INFINITY;

  read(key: Uint8Array): StoredRecord | undefined {
    const record = this.#records.get(Buffer.from(key).toString("latin1"));
    const isExpired = record?.expiresAtMs !== undefined && record.expiresAtMs <= this.wallMs;
    return isExpired ? undefined : record;
  }

  write(write: EngineWrite): Promise<void> {
    return this.writeAll([write]);
  }

  writeDurably(write: EngineWrite): Promise<void> {
    this.#apply([write], this.wallMs);
    return Promise.resolve();
  }

  writeAll(writes: readonly EngineWrite[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, atMs: this.wallMs, resolve, reject });
      if (this.isImmediate) queueMicrotask(() => this.settle());
    });
  }

  /** Writes that wait for an answer. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Applies and answers all waiting writes. */
  settle(): void {
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length > 0) this.settledGroups += 1;
    for (const { writes, atMs, resolve } of group) {
      this.#apply(writes, atMs);
      resolve();
    }
  }

  /** Fails all waiting writes; nothing of them is applied. */
  fail(error: Error): void {
    const group = this.#waiting;
    this.#waiting = [];
    for (const { reject } of group) reject(error);
  }

  async *scan(range: EngineRange): AsyncIterableIterator<readonly [Uint8Array, StoredRecord]> {
    const within = [...this.#records.keys()]
      .map((key) => Buffer.from(key, "latin1"))
      .filter((key) => {
        const fromOrder = Buffer.compare(key, range.from);
        const isAfter = range.afterFrom ? fromOrder > 0 : fromOrder >= 0;
        return isAfter && Buffer.compare(key, range.to) < 0;
      })
      .sort((a, b) => Buffer.compare(a, b));
    if (range.reverse) within.reverse();
    const view = within.map((key) => [key, this.read(key)] as const);
    this.openViews += 1;
    let given = 0;
    try {
      for (const [key, record] of view) {
        if (record === undefined) continue;
        if (given >= this.viewRecords) throw new ViewGone("given up by the test");
        given += 1;
        yield [key, record];
      }
    } finally {
      this.openViews -= 1;
    }
  }

  nowMs(): number {
    return this.wallMs;
  }

  stats(): EngineStats {
    return { keys: this.#records.size, liveBytes: 0, deadBytes: 0, dataFiles: 1 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #apply(writes: readonly EngineWrite[], atMs: number): void {
    for (const write of writes) {
      const key = Buffer.from(write.key).toString("latin1");
      if (write.type === "delete") this.#records.delete(key);
      else {
        const expiresAtMs = write.ttlMs === undefined ? undefined : atMs + write.ttlMs;
        this.#records.set(key, { value: Uint8Array.from(write.value), expiresAtMs });
      }
    }
  }
}
