/**
 * Keys and values over one store: single-key operations, batches and conditional writes, each atomic
 * and linearizable.
 *
 * Every write decides, takes a revision and is handed to the store within one turn of the event loop,
 * so writes are ordered as they are called and revisions grow in that order. See pending-writes.ts for
 * how conditional writes stay atomic without a lock.
 */
import { addToCounter } from "./counter.js";
import type { Engine, EngineWrite } from "./engine.js";
import { meets } from "./expectation.js";
import { toStoreKey } from "./keyspace.js";
import { BatchMeter, checkKey, checkTtl, checkValue, type KvLimits } from "./limits.js";
import { type Entry, type PendingWrite, PendingWrites } from "./pending-writes.js";
import type {
  CompareAndSet,
  CompareAndSetResult,
  Txn,
  TxnResult,
  WriteOperation,
} from "./requests.js";
import type { Revision, RevisionSource } from "./revision.js";
import { type ScanPage, type ScanRequest, scanPages, type Timer } from "./scan.js";
import { decodeStoredValue, encodeStoredValue } from "./stored-value.js";
import { TxnRun } from "./txn.js";

/** What a write leaves under a key. `value` undefined: nothing. `ttlMs` 0: does not expire. */
export interface Change {
  readonly storeKey: Buffer;
  readonly value: Uint8Array | undefined;
  readonly ttlMs: number;
}

/** The state of a key as the next write will meet it, and the unanswered write that it rests on. */
export interface Latest {
  readonly entry: Entry | undefined;
  readonly rests: Promise<void> | undefined;
}

/** What a {@link KvStore} is made of. */
export interface KvStoreDeps {
  readonly engine: Engine;
  readonly revisions: RevisionSource;
  readonly timer: Timer;
}

/** See the head of this file. Failures of the store come out as the store threw them. */
export class KvStore {
  readonly #engine: Engine;
  readonly #revisions: RevisionSource;
  readonly #timer: Timer;
  readonly #limits: KvLimits;
  readonly #pending = new PendingWrites();
  // Invariant: every write with a revision up to this one has settled.
  #settledRevision: Revision;

  constructor(deps: KvStoreDeps, limits: KvLimits) {
    this.#engine = deps.engine;
    this.#timer = deps.timer;
    this.#revisions = deps.revisions;
    this.#limits = limits;
    this.#settledRevision = deps.revisions.last;
  }

  /** The revision up to which reads are current. */
  get revision(): Revision {
    return this.#settledRevision;
  }

  /** The store's wall clock, by which keys expire. */
  nowMs(): number {
    return this.#engine.nowMs();
  }

  /** @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE` */
  get(keyspace: number, key: Uint8Array): Entry | undefined {
    checkKey(key, this.#limits);
    return this.#read(toStoreKey(keyspace, key));
  }

  /**
   * Resolves with the revision once the write is durable.
   * @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE`, `VALUE_TOO_LARGE`, `FIELD_INVALID` (ttl_ms)
   */
  async put(keyspace: number, operation: PutRequest): Promise<Revision> {
    const { key, value, ttlMs } = operation;
    this.#checkPut(key, value, ttlMs);
    while (this.#revisions.isExhausted) await this.#revisions.reserve();
    return this.commit([{ storeKey: toStoreKey(keyspace, key), value, ttlMs }]);
  }

  /**
   * Removing a key that is not there writes nothing and is answered with the current revision.
   * @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE`
   */
  async delete(
    keyspace: number,
    key: Uint8Array,
  ): Promise<{ readonly existed: boolean; readonly revision: Revision }> {
    checkKey(key, this.#limits);
    while (this.#revisions.isExhausted) await this.#revisions.reserve();
    const storeKey = toStoreKey(keyspace, key);
    const latest = this.latest(storeKey);
    if (latest.entry === undefined) {
      await latest.rests;
      return { existed: false, revision: this.#settledRevision };
    }
    return { existed: true, revision: await this.commit([removal(storeKey)]) };
  }

  /**
   * Applies all operations, in order, or none.
   * @throws KvError `BATCH_TOO_LARGE`, and those of put and delete
   */
  async batch(keyspace: number, operations: readonly WriteOperation[]): Promise<Revision> {
    const meter = new BatchMeter(this.#limits, operations.length);
    const changes: Change[] = [];
    for (const operation of operations) {
      const storeKey = toStoreKey(keyspace, operation.key);
      if (operation.type === "put") {
        this.#checkPut(operation.key, operation.value, operation.ttlMs);
        meter.add(operation.key.length + operation.value.length);
        changes.push({ storeKey, value: operation.value, ttlMs: operation.ttlMs });
      } else {
        checkKey(operation.key, this.#limits);
        meter.add(operation.key.length);
        changes.push(removal(storeKey));
      }
    }
    if (changes.length === 0) return this.#settledRevision;
    while (this.#revisions.isExhausted) await this.#revisions.reserve();
    return this.commit(changes);
  }

  /** @throws KvError those of put */
  async compareAndSet(request: CompareAndSet): Promise<CompareAndSetResult> {
    const { key, newValue, ttlMs } = request;
    if (newValue === undefined) checkKey(key, this.#limits);
    else this.#checkPut(key, newValue, ttlMs);
    while (this.#revisions.isExhausted) await this.#revisions.reserve();
    const storeKey = toStoreKey(request.keyspace, key);
    const { entry, rests } = this.latest(storeKey);
    if (!meets(entry, request.expected)) {
      await rests;
      return { applied: false, current: entry };
    }
    if (newValue === undefined && entry === undefined) {
      await rests;
      return { applied: true, revision: this.#settledRevision };
    }
    const revision = await this.commit([{ storeKey, value: newValue, ttlMs }]);
    return { applied: true, revision };
  }

  /**
   * Adds to a decimal counter. A positive `ttlMs` gives it a new time to live; 0 leaves it as it was.
   * @throws KvError `NOT_A_COUNTER`, and those of put
   */
  async increment(
    keyspace: number,
    request: { readonly key: Uint8Array; readonly delta: number; readonly ttlMs: number },
  ): Promise<{ readonly value: number; readonly revision: Revision }> {
    checkKey(request.key, this.#limits);
    checkTtl(request.ttlMs);
    while (this.#revisions.isExhausted) await this.#revisions.reserve();
    const storeKey = toStoreKey(keyspace, request.key);
    const { entry, rests } = this.latest(storeKey);
    let counter: { readonly value: number; readonly bytes: Uint8Array };
    try {
      counter = addToCounter(entry?.value, request.delta);
    } catch (error) {
      await rests; // The refusal rests on it too.
      throw error;
    }
    const ttlMs = request.ttlMs > 0 ? request.ttlMs : this.#timeLeft(entry);
    const revision = await this.commit([{ storeKey, value: counter.bytes, ttlMs }]);
    return { value: counter.value, revision };
  }

  /**
   * Compares, then runs one of two lists of steps, as one atomic step.
   * @throws KvError `BATCH_TOO_LARGE`, `RESPONSE_TOO_LARGE`, and those of put
   */
  async txn(request: Txn): Promise<TxnResult> {
    const run = new TxnRun(this, request, this.#limits);
    while (this.#revisions.isExhausted) await this.#revisions.reserve();
    const { succeeded, results, changes, rests } = run.decide();
    if (changes.length > 0) {
      return { succeeded, results, revision: await this.commit(changes) };
    }
    await Promise.all(rests);
    return { succeeded, results, revision: this.#settledRevision };
  }

  /**
   * Pages of a range, from one consistent view while the caller keeps asking.
   * @throws KvError `FIELD_INVALID` (range, cursor)
   */
  scan(request: ScanRequest): AsyncGenerator<ScanPage, void, undefined> {
    return scanPages({ engine: this.#engine, timer: this.#timer }, request, this.#limits);
  }

  /** The state that a write called in this turn will meet. For decisions, not for answers. */
  latest(storeKey: Buffer): Latest {
    const pending = this.#pending.get(storeKey);
    if (pending === undefined) return { entry: this.#read(storeKey), rests: undefined };
    const { entry, settled } = pending;
    const isExpired = entry?.expiresAtMs !== undefined && entry.expiresAtMs <= this.nowMs();
    return { entry: isExpired ? undefined : entry, rests: settled };
  }

  /**
   * Hands changes to the store under one new revision, in this turn.
   * Revisions must not be exhausted, and `changes` not be empty.
   */
  async commit(changes: readonly Change[]): Promise<Revision> {
    const revision = this.#revisions.take();
    const nowMs = this.nowMs();
    const writes = changes.map((change) => toEngineWrite(change, revision));
    const [first] = writes;
    const settled =
      writes.length === 1 && first !== undefined
        ? this.#engine.write(first)
        : this.#engine.writeAll(writes);
    const pending = changes.map((change): PendingWrite => {
      const write = { entry: toEntry(change, revision, nowMs), settled };
      this.#pending.add(change.storeKey, write);
      return write;
    });
    try {
      await settled;
    } finally {
      for (const [index, change] of changes.entries()) {
        const write = pending[index];
        if (write !== undefined) this.#pending.remove(change.storeKey, write);
      }
      if (revision > this.#settledRevision) this.#settledRevision = revision;
    }
    return revision;
  }

  #read(storeKey: Buffer): Entry | undefined {
    const record = this.#engine.read(storeKey);
    if (record === undefined) return undefined;
    const { value, revision } = decodeStoredValue(record.value);
    return { value, revision, expiresAtMs: record.expiresAtMs };
  }

  #checkPut(key: Uint8Array, value: Uint8Array, ttlMs: number): void {
    checkKey(key, this.#limits);
    checkValue(value, this.#limits);
    checkTtl(ttlMs);
  }

  #timeLeft(entry: Entry | undefined): number {
    if (entry?.expiresAtMs === undefined) return 0;
    return Math.max(1, entry.expiresAtMs - this.nowMs());
  }
}

/** What {@link KvStore.put} stores. `ttlMs` 0: does not expire. */
export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ttlMs: number;
}

function removal(storeKey: Buffer): Change {
  return { storeKey, value: undefined, ttlMs: 0 };
}

function toEngineWrite(change: Change, revision: Revision): EngineWrite {
  const { storeKey: key, value, ttlMs } = change;
  if (value === undefined) return { type: "delete", key };
  const stored = encodeStoredValue(revision, value);
  return ttlMs > 0
    ? { type: "put", key, value: stored, ttlMs }
    : { type: "put", key, value: stored };
}

function toEntry(change: Change, revision: Revision, nowMs: number): Entry | undefined {
  if (change.value === undefined) return undefined;
  const expiresAtMs = change.ttlMs > 0 ? nowMs + change.ttlMs : undefined;
  return { value: change.value, revision, expiresAtMs };
}
