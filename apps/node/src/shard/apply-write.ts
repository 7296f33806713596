/** What a user's write does to a shard's state. Decides on the state alone, and either changes it or refuses. */
import { addToCounter } from "../kv/counter.js";
import { meets } from "../kv/expectation.js";
import { fromStoreKey, KEYSPACE_PREFIX_BYTES, toStoreKey } from "../kv/keyspace.js";
import { checkKey, checkTtl, type KvLimits, MAX_KEY_BYTES } from "../kv/limits.js";
import type { CompareAndSet, Txn, WriteOperation } from "../kv/requests.js";
import { toRevision } from "../kv/revision.js";
import { TxnRun } from "../kv/txn.js";
import { refusal, toRefusal } from "./refusal.js";
import type { ShardResult, ShardWrite } from "./shard-command.js";
import type { ShardState } from "./shard-state.js";

/**
 * What replicas check beside what their nodes have checked before: bounds of the contract, which no setting moves.
 * Settings may differ from node to node, and replicas must not.
 */
const CONTRACT: KvLimits = {
  keyBytes: MAX_KEY_BYTES,
  valueBytes: Number.POSITIVE_INFINITY,
  batchBytes: Number.POSITIVE_INFINITY,
  batchOperations: Number.POSITIVE_INFINITY,
  responseBytes: Number.POSITIVE_INFINITY,
  scanPageBytes: Number.POSITIVE_INFINITY,
  scanPageKeys: Number.POSITIVE_INFINITY,
};

/** Runs a write as the command of `state.index`. Refusals are results; whatever is thrown is a defect. */
export function applyWrite(state: ShardState, write: ShardWrite): ShardResult {
  try {
    return apply(state, write);
  } catch (error) {
    return toRefusal(error);
  }
}

/** @throws KvError before anything has changed */
function apply(state: ShardState, write: ShardWrite): ShardResult {
  if (write.keyspace === 0) return refusal("FIELD_INVALID", "keyspace: 0 is the server's own");
  switch (write.type) {
    case "put":
      return putOne(state, toStoreKey(write.keyspace, write.key), write.value, write.ttlMs);
    case "delete":
      return deleteOne(state, toStoreKey(write.keyspace, write.key));
    case "batch":
      return batch(state, write.keyspace, write.operations);
    case "compare-and-set":
      return compareAndSet(state, write);
    case "increment":
      return increment(state, write);
    case "txn":
      return txn(state, write);
  }
}

/** Stores one value. @throws KvError before anything has changed */
export function putOne(
  state: ShardState,
  storeKey: Uint8Array,
  value: Uint8Array,
  ttlMs: number,
): ShardResult {
  checkStoreKey(storeKey);
  checkTtl(ttlMs);
  state.put(storeKey, value, expiryAfter(state, ttlMs));
  return { type: "put", revision: toRevision(state.index) };
}

/** Removes one key. @throws KvError before anything has changed */
export function deleteOne(state: ShardState, storeKey: Uint8Array): ShardResult {
  checkStoreKey(storeKey);
  const existed = state.exists(storeKey);
  if (existed) state.remove(storeKey, "delete");
  return { type: "delete", existed, revision: toRevision(state.index) };
}

function checkStoreKey(storeKey: Uint8Array): void {
  const length = storeKey.length - KEYSPACE_PREFIX_BYTES;
  if (length <= 0 || length > MAX_KEY_BYTES) checkKey(fromStoreKey(storeKey), CONTRACT);
}

function batch(
  state: ShardState,
  keyspace: number,
  operations: readonly WriteOperation[],
): ShardResult {
  for (const operation of operations) {
    checkKey(operation.key, CONTRACT);
    if (operation.type === "put") checkTtl(operation.ttlMs);
  }
  for (const operation of operations) {
    const storeKey = toStoreKey(keyspace, operation.key);
    if (operation.type === "put") {
      state.put(storeKey, operation.value, expiryAfter(state, operation.ttlMs));
    } else if (state.exists(storeKey)) {
      state.remove(storeKey, "delete");
    }
  }
  return { type: "batch", revision: toRevision(state.index) };
}

function compareAndSet(state: ShardState, request: CompareAndSet): ShardResult {
  const { key, newValue, ttlMs } = request;
  checkKey(key, CONTRACT);
  checkTtl(ttlMs);
  const storeKey = toStoreKey(request.keyspace, key);
  const current = state.entry(storeKey);
  const nowMs = state.nowMs();
  if (!meets(current, request.expected)) {
    return { type: "compare-and-set", nowMs, applied: false, current };
  }
  if (newValue !== undefined) state.put(storeKey, newValue, expiryAfter(state, ttlMs));
  else if (current !== undefined) state.remove(storeKey, "delete");
  return { type: "compare-and-set", nowMs, applied: true, revision: toRevision(state.index) };
}

function increment(
  state: ShardState,
  request: Extract<ShardWrite, { readonly type: "increment" }>,
): ShardResult {
  const { key, delta, ttlMs } = request;
  checkKey(key, CONTRACT);
  checkTtl(ttlMs);
  const storeKey = toStoreKey(request.keyspace, key);
  const entry = state.entry(storeKey);
  const { value, bytes } = addToCounter(entry?.value, delta);
  // Without a time to live of its own it leaves the counter's as it was.
  const expiresAtMs = ttlMs > 0 ? expiryAfter(state, ttlMs) : (entry?.expiresAtMs ?? 0);
  state.put(storeKey, bytes, expiresAtMs);
  return { type: "increment", value, revision: toRevision(state.index) };
}

function txn(state: ShardState, request: Txn & { readonly responseBytes: number }): ShardResult {
  const limits = { ...CONTRACT, responseBytes: request.responseBytes };
  const { succeeded, results, changes } = new TxnRun(state, request, limits).decide();
  for (const { storeKey, value, ttlMs } of changes) {
    if (value !== undefined) state.put(storeKey, value, expiryAfter(state, ttlMs));
    // A step may have removed what an earlier step of the same transaction wrote: then nothing was there.
    else if (state.exists(storeKey)) state.remove(storeKey, "delete");
  }
  const revision = toRevision(state.index);
  return {
    type: "txn",
    succeeded,
    results: results.map((result) =>
      // The transaction's own writes, which had no revision when it read them.
      result.type === "get" && result.entry?.revision === 0
        ? { type: "get", entry: { ...result.entry, revision } }
        : result,
    ),
    revision,
    nowMs: state.nowMs(),
  };
}

function expiryAfter(state: ShardState, ttlMs: number): number {
  return ttlMs > 0 ? state.nowMs() + ttlMs : 0;
}
