/**
 * A shard's state as its commands meet it: the store, and over it what the commands since the last flush have
 * written. Everything here is a function of the commands so far.
 *
 * Writes are gathered in order and go to the store as one atomic batch. Most commands never read, so what was
 * gathered is only indexed when somebody does.
 */
import type { BatchOperation, Bitcask } from "@titan/bitcask";
import type { Entry } from "../kv/entry.js";
import { type Revision, toRevision } from "../kv/revision.js";
import type { ChangeHistory } from "./change-history.js";
import type { ShardHead } from "./shard-head.js";
import { decodeStoredRecord, encodeStoredRecord, expiryOf } from "./stored-record.js";
import { expiryKey } from "./system-keys.js";

const NOTHING = new Uint8Array(0);
const NO_EXPIRY = Number.POSITIVE_INFINITY;
/** Bytes that an operation takes beside key and value, about. */
const OPERATION_OVERHEAD_BYTES = 32;

export class ShardState {
  readonly #db: Bitcask;
  readonly #history: ChangeHistory;
  #operations: BatchOperation[] = [];
  #bytes = 0;
  /** What the first `#indexedCount` operations leave; `undefined` for a removal. */
  readonly #overlay = new Map<string, Uint8Array | undefined>();
  #indexedCount = 0;
  #index: number;
  #nowMs: number;
  #expiring: number;
  #earliestExpiryMs: number;

  /** @param head where the store stands */
  constructor(db: Bitcask, history: ChangeHistory, head: ShardHead) {
    this.#db = db;
    this.#history = history;
    this.#index = head.index;
    this.#nowMs = head.nowMs;
    this.#expiring = head.expiring;
    // Not known before the first look: any time may be the earliest.
    this.#earliestExpiryMs = head.expiring > 0 ? 0 : NO_EXPIRY;
  }

  /** Index of the command under way, or of the last one. */
  get index(): number {
    return this.#index;
  }

  /** The revision of what the command under way writes. */
  get revision(): Revision {
    return toRevision(this.#index);
  }

  /** The shard's clock: the latest time of any command. */
  nowMs(): number {
    return this.#nowMs;
  }

  /** Keys that have an expiry. */
  get expiring(): number {
    return this.#expiring;
  }

  /** No key expires before this; Infinity when none does. */
  get earliestExpiryMs(): number {
    return this.#earliestExpiryMs;
  }

  get head(): ShardHead {
    return { index: this.#index, nowMs: this.#nowMs, expiring: this.#expiring };
  }

  /** Bytes of what was gathered, about. */
  get gatheredBytes(): number {
    return this.#bytes;
  }

  /** The next command begins. */
  begin(index: number, atMs: number): void {
    this.#index = index;
    if (atMs > this.#nowMs) this.#nowMs = atMs;
  }

  /** What was gathered, in order; the caller writes it before the next command begins. */
  take(): BatchOperation[] {
    const operations = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    this.#overlay.clear();
    this.#indexedCount = 0;
    return operations;
  }

  /** What is stored, be it expired. */
  stored(storeKey: Uint8Array): Uint8Array | undefined {
    if (this.#operations.length > 0) {
      this.#indexOperations();
      const name = nameOf(storeKey);
      if (this.#overlay.has(name)) return this.#overlay.get(name);
    }
    return this.#db.getSync(storeKey);
  }

  /** What a user's key holds by the shard's clock. */
  entry(storeKey: Uint8Array): Entry | undefined {
    const stored = this.stored(storeKey);
    if (stored === undefined) return undefined;
    const entry = decodeStoredRecord(stored);
    return entry.expiresAtMs !== undefined && entry.expiresAtMs <= this.#nowMs ? undefined : entry;
  }

  /** Whether a user's key is there by the shard's clock. */
  exists(storeKey: Uint8Array): boolean {
    // Without any expiry the store's index knows, which reads no disk.
    if (this.#expiring === 0 && this.#operations.length === 0) return this.#db.has(storeKey);
    return this.entry(storeKey) !== undefined;
  }

  /** Stores a user's value. `expiresAtMs` 0: never. */
  put(storeKey: Uint8Array, value: Uint8Array, expiresAtMs: number): void {
    if (this.#expiring > 0) this.#dropExpiry(storeKey);
    const stored = encodeStoredRecord(this.#index, expiresAtMs, value);
    this.putRecord(storeKey, stored);
    if (expiresAtMs > 0) {
      this.putRecord(expiryKey(expiresAtMs, storeKey), NOTHING);
      this.#expiring += 1;
      if (expiresAtMs < this.#earliestExpiryMs) this.#earliestExpiryMs = expiresAtMs;
    }
    this.#history.add("put", this.#index, storeKey, stored);
  }

  /** Removes a user's key that is there. */
  remove(storeKey: Uint8Array, kind: "delete" | "expire"): void {
    if (this.#expiring > 0) this.#dropExpiry(storeKey);
    this.removeRecord(storeKey);
    this.#history.add(kind, this.#index, storeKey);
  }

  /** Writes a record as it is: one of the shard's own. */
  putRecord(key: Uint8Array, value: Uint8Array): void {
    this.#operations.push({ type: "put", key, value });
    this.#bytes += key.length + value.length + OPERATION_OVERHEAD_BYTES;
  }

  /** Removes a record as it is. */
  removeRecord(key: Uint8Array): void {
    this.#operations.push({ type: "delete", key });
    this.#bytes += key.length + OPERATION_OVERHEAD_BYTES;
  }

  /** Removes a record of the index of expiries. */
  removeExpiry(key: Uint8Array): void {
    this.removeRecord(key);
    this.#expiring -= 1;
    if (this.#expiring === 0) this.#earliestExpiryMs = NO_EXPIRY;
  }

  /** What a look into the index of expiries has found; see {@link ShardState.earliestExpiryMs}. */
  noteEarliestExpiry(earliestMs: number): void {
    this.#earliestExpiryMs = earliestMs;
  }

  /** The key is about to be written: what the index of expiries says of it is over. */
  #dropExpiry(storeKey: Uint8Array): void {
    const stored = this.stored(storeKey);
    if (stored === undefined) return;
    const expiresAtMs = expiryOf(stored);
    if (expiresAtMs > 0) this.removeExpiry(expiryKey(expiresAtMs, storeKey));
  }

  #indexOperations(): void {
    const operations = this.#operations;
    for (let at = this.#indexedCount; at < operations.length; at += 1) {
      const operation = operations[at];
      if (operation === undefined) continue;
      const name = nameOf(operation.key as Uint8Array);
      this.#overlay.set(
        name,
        operation.type === "put" ? (operation.value as Uint8Array) : undefined,
      );
    }
    this.#indexedCount = operations.length;
  }
}

/** One character per byte: equal strings exactly for equal bytes. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
