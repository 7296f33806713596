/**
 * Batches on their way to the disk. Those that wait together share a write and a sync, each in a
 * frame of its own; they are written in the order of their coming.
 */

import type { ActiveSegment, PlacedRecord } from "./active-segment.js";
import { frameBytes } from "./frame-encoder.js";
import type { WalHealth } from "./health.js";
import type { ResolvedWalOptions } from "./options.js";
import type { WalRecord } from "./record.js";
import type { SegmentPreparer } from "./segment-preparer.js";

/** Bytes that share one write at most, unless a single batch is larger. */
const MAX_WRITE_BYTES = 4 * 1024 * 1024;

/** What became of a batch. */
export interface AppendReceipt {
  /** Bytes of its frame. */
  readonly bytes: number;
  /** Whether it is on stable storage; false only for a batch that did not ask for it. */
  readonly isDurable: boolean;
}

/** Makes records for at most `room` bytes, a frame around them included. */
type LateRecords = (room: number) => readonly WalRecord[];

interface Item {
  readonly bytes: number;
  readonly mustSync: boolean;
  /** A function is called when all batches before have been written and taken in. */
  readonly records: readonly WalRecord[] | LateRecords;
  /** Nothing is to be written, only what was written before is to be synced. */
  readonly isBarrier: boolean;
  readonly resolve: (receipt: AppendReceipt) => void;
  readonly reject: (error: unknown) => void;
}

export interface AppendQueueDeps {
  readonly active: ActiveSegment;
  readonly preparer: SegmentPreparer;
  readonly health: WalHealth;
  readonly options: ResolvedWalOptions;
  /** Takes in records that have been written. */
  readonly onWritten: (placed: readonly PlacedRecord[]) => void;
  /** Nothing waits any more: what was accepted is what is written, or has been refused. */
  readonly onIdle: () => void;
}

export class AppendQueue {
  readonly #deps: AppendQueueDeps;
  #items: Item[] = [];
  #queuedBytes = 0;
  #draining: Promise<void> | undefined;

  constructor(deps: AppendQueueDeps) {
    this.#deps = deps;
  }

  get isIdle(): boolean {
    return this.#draining === undefined;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Writes a batch behind all that wait. */
  append(records: readonly WalRecord[], mustSync: boolean): Promise<AppendReceipt> {
    return this.#enqueue({ records, mustSync, bytes: frameBytes(records), isBarrier: false });
  }

  /**
   * As {@link AppendQueue.append} with records made at the last moment, when the memory of the log
   * says exactly what its files say.
   * @param reserved bytes that there must be room for, at the price of beginning a new segment
   */
  appendLate(make: LateRecords, reserved: number): Promise<AppendReceipt> {
    return this.#enqueue({ records: make, mustSync: true, bytes: reserved, isBarrier: false });
  }

  /** Makes everything before durable. */
  async sync(): Promise<void> {
    await this.#enqueue({ records: [], mustSync: true, bytes: 0, isBarrier: true });
  }

  /**
   * Writes a batch at once, blocking.
   * @returns undefined when that needs a wait (batches are under way, or a segment must be made
   *   first): nothing has been written then
   */
  tryAppendSync(records: readonly WalRecord[], mustSync: boolean): AppendReceipt | undefined {
    const { active, options } = this.#deps;
    const bytes = frameBytes(records);
    if (!this.isIdle) return undefined;
    if (active.room < bytes && !this.#rotateSync()) return undefined;
    const encoded = active.encode([records]);
    const writeMs = active.writeSync(encoded);
    const syncMs = mustSync ? active.syncSync() : 0;
    this.#deps.onWritten(encoded.placed[0] ?? []);
    this.#prepareAhead();
    options.observer.onAppend?.({ bytes, batches: 1, writeMs, syncMs });
    return { bytes, isDurable: active.isSynced };
  }

  /** Resolves when nothing waits. */
  async settle(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  #enqueue(item: Omit<Item, "resolve" | "reject">): Promise<AppendReceipt> {
    return new Promise((resolve, reject) => {
      this.#items.push({ ...item, resolve, reject });
      this.#queuedBytes += item.bytes;
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    // Whoever appends in the same turn shares the first write.
    await Promise.resolve();
    while (this.#items.length > 0) {
      const taken = this.#take();
      try {
        if (taken.length === 0) await this.#rotate();
        else await this.#write(taken);
      } catch (error) {
        for (const item of taken) item.reject(error);
        this.#refuseAll(error);
      }
    }
    this.#draining = undefined;
    this.#deps.onIdle();
  }

  /** Items that fit the segment and a write, from the front; none when the first does not fit. */
  #take(): Item[] {
    const room = Math.min(MAX_WRITE_BYTES, this.#deps.active.room);
    let bytes = 0;
    let count = 0;
    let hasLate = false;
    for (const item of this.#items) {
      const isLate = typeof item.records === "function";
      // Late records describe the state after all before them, and take what room there is.
      if (count > 0 && (isLate || hasLate || bytes + item.bytes > room)) break;
      if (count === 0 && item.bytes > this.#deps.active.room) break;
      hasLate = isLate;
      bytes += item.bytes;
      count += 1;
    }
    for (const item of this.#items.slice(0, count)) this.#queuedBytes -= item.bytes;
    return this.#items.splice(0, count);
  }

  async #write(items: readonly Item[]): Promise<void> {
    const { active, health, options } = this.#deps;
    const refusal = health.refusal();
    if (refusal !== undefined) throw refusal;
    const { batches, accepted } = collectBatches(items, active.room);
    const encoded = active.encode(batches);
    const writeMs = batches.length > 0 ? await active.write(encoded) : 0;
    const syncMs = accepted.some(({ mustSync }) => mustSync) ? await active.sync() : 0;
    for (const placed of encoded.placed) this.#deps.onWritten(placed);
    this.#prepareAhead();
    const isDurable = active.isSynced;
    for (const item of accepted) item.resolve({ bytes: item.bytes, isDurable });
    const bytes = encoded.bytes.length;
    options.observer.onAppend?.({ bytes, batches: batches.length, writeMs, syncMs });
  }

  async #rotate(): Promise<void> {
    const { active, preparer, health } = this.#deps;
    try {
      const refusal = health.refusal();
      if (refusal !== undefined) throw refusal;
      await active.sync();
      active.switchTo(await preparer.take());
    } catch (error) {
      // No batch of this queue has reached the disk: each is certain not to be applied.
      throw health.refusal() ?? error;
    }
  }

  #rotateSync(): boolean {
    const { active, preparer } = this.#deps;
    const prepared = preparer.takeReady();
    if (prepared === undefined) {
      preparer.begin();
      return false;
    }
    active.syncSync();
    active.switchTo(prepared);
    return true;
  }

  #prepareAhead(): void {
    if (this.#deps.active.isHalfFull) this.#deps.preparer.begin();
  }

  /** After a failure all that wait fail too: later batches were checked against earlier ones. */
  #refuseAll(error: unknown): void {
    const items = this.#items;
    this.#items = [];
    this.#queuedBytes = 0;
    const refusal = this.#deps.health.refusal() ?? error;
    for (const item of items) item.reject(refusal);
  }
}

/** The records of all items but those whose late records could not be made: these are refused. */
function collectBatches(items: readonly Item[], room: number) {
  const accepted: Item[] = [];
  const batches: (readonly WalRecord[])[] = [];
  for (const item of items) {
    try {
      const { records } = item;
      const made = typeof records === "function" ? records(room) : records;
      if (!item.isBarrier) batches.push(made);
      accepted.push(item);
    } catch (error) {
      item.reject(error);
    }
  }
  return { batches, accepted };
}
