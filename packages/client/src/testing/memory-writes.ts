/** Writes of one key, and batches. Each is checked first, then done as one step of its shard, or refused there. */
import type {
  BatchRequest,
  BatchResponse,
  CompareAndSetRequest,
  CompareAndSetResponse,
  DeleteRequest,
  DeleteResponse,
  IncrementRequest,
  IncrementResponse,
  PutRequest,
  PutResponse,
  WriteOperation,
} from "@titan/proto";
import type { StoredEntry } from "./key-table.js";
import { toKeyValue } from "./key-values.js";
import type { MemoryKeyspaces } from "./memory-keyspaces.js";
import type { MemoryShard, MemoryStore } from "./memory-store.js";
import { invalidField, Refusal } from "./refusal.js";
import {
  checkKey,
  checkPart,
  checkTogether,
  checkTtl,
  type RequestLimits,
} from "./request-limits.js";

/** What calls work on. */
export interface MemoryState {
  readonly store: MemoryStore;
  readonly keyspaces: MemoryKeyspaces;
  readonly limits: RequestLimits;
}

type Operation = NonNullable<WriteOperation["operation"]>;

export function put({ store, keyspaces, limits }: MemoryState, request: PutRequest): PutResponse {
  const { key, value, ttlMs, writeId } = request;
  const keyspace = keyspaces.get(request.keyspace);
  checkPart(request, limits);
  const shard = store.shardOf(key);
  return shard.write(writeId, (revision) => {
    store.put(keyspace.number, key, value, ttlMs || keyspace.defaultTtlMs);
    return { revision, shard: shard.number };
  });
}

export function remove(
  { store, keyspaces, limits }: MemoryState,
  { key, writeId, keyspace: name }: DeleteRequest,
): DeleteResponse {
  const keyspace = keyspaces.get(name);
  checkKey(key, limits);
  const shard = store.shardOf(key);
  return shard.write(writeId, (revision) => {
    return { existed: store.remove(keyspace.number, key), revision, shard: shard.number };
  });
}

/** In a batch of several shards each part is done, or refused, by itself. */
export function batch(state: MemoryState, request: BatchRequest): BatchResponse {
  const { store, keyspaces, limits } = state;
  const operations = request.operations.map(({ operation }, at) => {
    if (operation === undefined) throw invalidField(`operations[${at}].operation`, "is not set");
    return operation;
  });
  const keyspace = keyspaces.get(request.keyspace);
  checkTogether(
    operations.map(({ value }) => value),
    limits,
  );
  const parts = partsOf(operations, store);
  if (parts.size > 1 && !request.allowNonAtomic) throw crossShard("the batch", parts.keys());
  const revisions = [...parts].map(([shard, part]) =>
    shard.write(request.writeId, (revision) => {
      for (const { $case, value } of part) {
        if ($case === "delete") store.remove(keyspace.number, value.key);
        else
          store.put(keyspace.number, value.key, value.value, value.ttlMs || keyspace.defaultTtlMs);
      }
      return { shard: shard.number, revision };
    }),
  );
  return { revisions: revisions.sort((a, b) => a.shard - b.shard) };
}

export function compareAndSet(
  { store, keyspaces, limits }: MemoryState,
  request: CompareAndSetRequest,
): CompareAndSetResponse {
  const { key, update, writeId } = request;
  const keyspace = keyspaces.get(request.keyspace);
  if (update === undefined) throw invalidField("update", "is not set");
  const value = update.$case === "newValue" ? update.value : undefined;
  const ttlMs = request.ttlMs || keyspace.defaultTtlMs;
  checkPart({ key, value, ttlMs: value === undefined ? 0 : ttlMs }, limits);
  const shard = store.shardOf(key);
  const result = shard.write(writeId, (revision) => {
    const current = store.table(keyspace.number).get(key);
    if (!meets(current, request.expected)) return { applied: false as const, current };
    if (value === undefined) store.remove(keyspace.number, key);
    else store.put(keyspace.number, key, value, ttlMs);
    return { applied: true as const, revision };
  });
  const answer = { shard: shard.number, revision: 0, current: undefined };
  if (result.applied) return { ...answer, ...result };
  const current = result.current && toKeyValue(result.current, store.nowMs());
  return { ...answer, applied: false, current };
}

/** Without a time to live of its own it leaves the counter's as it was. */
export function increment(
  { store, keyspaces, limits }: MemoryState,
  { key, delta, ttlMs, writeId, keyspace: name }: IncrementRequest,
): IncrementResponse {
  const keyspace = keyspaces.get(name);
  checkKey(key, limits);
  checkTtl(ttlMs);
  const shard = store.shardOf(key);
  return shard.write(writeId, (revision) => {
    const entry = store.table(keyspace.number).get(key);
    const value = sumOf(entry?.value, delta);
    const expiresAtMs = ttlMs > 0 ? store.nowMs() + ttlMs : entry?.expiresAtMs;
    store.putUntil(keyspace.number, key, Buffer.from(String(value)), expiresAtMs);
    return { value, revision, shard: shard.number };
  });
}

export function crossShard(what: string, shards: Iterable<MemoryShard>): Refusal {
  const numbers = [...shards].map(({ number }) => number).sort((a, b) => a - b);
  const names = numbers.join(", ");
  const message =
    `the keys of ${what} are on several shards (${names}): give them one {hash tag}, ` +
    'as in "{user:7}:name" and "{user:7}:mail", and they are kept together';
  return new Refusal("CROSS_SHARD", message, { shards: names });
}

/** The operations by shard, each in their order. */
function partsOf(operations: readonly Operation[], store: MemoryStore) {
  const parts = new Map<MemoryShard, Operation[]>();
  for (const operation of operations) {
    const shard = store.shardOf(operation.value.key);
    const part = parts.get(shard);
    if (part === undefined) parts.set(shard, [operation]);
    else part.push(operation);
  }
  return parts;
}

function meets(
  entry: StoredEntry | undefined,
  expected: CompareAndSetRequest["expected"],
): boolean {
  switch (expected?.$case) {
    case "absent":
      return (entry === undefined) === expected.value;
    case "revision":
      return (entry?.revision ?? 0) === expected.value;
    case "value":
      return entry !== undefined && Buffer.compare(entry.value, expected.value) === 0;
    case undefined:
      throw invalidField("expected", "is not set");
  }
}

const DECIMAL = /^-?(?:0|[1-9][0-9]{0,15})$/;

function sumOf(stored: Uint8Array | undefined, delta: number): number {
  const text = stored === undefined ? "0" : Buffer.from(stored).toString("latin1");
  const before = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(before)) {
    const message = "the stored value is not a decimal integer within ±(2^53 - 1)";
    throw new Refusal("NOT_A_COUNTER", message);
  }
  if (Number.isSafeInteger(before + delta)) return before + delta;
  const message = `adding ${delta} would take the counter beyond ±(2^53 - 1)`;
  throw new Refusal("NOT_A_COUNTER", message);
}
