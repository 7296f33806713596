/** Transactions: decided on the state as it is, then done at once, one change for each key. */
import {
  type Compare,
  CompareOperator,
  type TxnOperation,
  type TxnRequest,
  type TxnResponse,
} from "@titan/proto";
import { nameOf, type StoredEntry } from "./key-table.js";
import { toFound } from "./key-values.js";
import type { MemoryKeyspace } from "./memory-keyspaces.js";
import type { MemoryStore } from "./memory-store.js";
import { crossShard, type MemoryState } from "./memory-writes.js";
import { invalidField, Refusal } from "./refusal.js";
import { checkTogether } from "./request-limits.js";

type Step = NonNullable<TxnOperation["operation"]>;
type Seen = Omit<StoredEntry, "key" | "shard">;
type StepResult =
  | { readonly type: "put" }
  | { readonly type: "delete"; readonly existed: boolean }
  | { readonly type: "get"; readonly entry: Seen | undefined };

/** Bytes that an entry takes in an answer beside its value, as a node counts. */
const RESULT_OVERHEAD_BYTES = 48;

export function txn(state: MemoryState, request: TxnRequest): TxnResponse {
  const { store, keyspaces, limits } = state;
  const { compares } = request;
  const then = stepsOf(request.then, "then");
  const otherwise = stepsOf(request.otherwise, "otherwise");
  const keyspace = keyspaces.get(request.keyspace);
  const compared = compares.map(({ key, target }) => ({ key, value: comparedValue(target) }));
  const steps = [...then, ...otherwise].map(({ value }) => value);
  checkTogether([...compared.map(({ key }) => ({ key })), ...steps], limits);
  const keys = [...compares, ...steps].map(({ key }) => key);
  const shards = new Set(keys.map((key) => store.shardOf(key)));
  if (shards.size > 1) throw crossShard("the transaction", shards);
  const shard = [...shards][0] ?? store.shards[0];
  if (shard === undefined) throw new Error("assertion: there is a shard");
  const { succeeded, results, revision } = shard.write(request.writeId, (revision) => {
    const run = new TxnRun(store, keyspace, revision);
    const succeeded = compares.every((compare) => run.holds(compare));
    const results = (succeeded ? then : otherwise).map((step) => run.step(step));
    checkResponse(results, limits.maxResponseBytes);
    run.commit();
    return { succeeded, results, revision };
  });
  const from = { shard: shard.number, shardRevision: revision };
  const nowMs = store.nowMs();
  return {
    ...{ succeeded, revision, shard: shard.number },
    results: results.map((result) => toResult(result, from, nowMs)),
  };
}

class TxnRun {
  /** What the steps so far leave; `undefined`: nothing. */
  private readonly changes = new Map<
    string,
    { readonly key: Uint8Array; readonly entry: Seen | undefined }
  >();

  constructor(
    private readonly store: MemoryStore,
    private readonly keyspace: MemoryKeyspace,
    private readonly revision: number,
  ) {}

  holds({ key, operator, target }: Compare): boolean {
    const entry = this.store.table(this.keyspace.number).get(key);
    switch (target?.$case) {
      case "exists":
        return (entry !== undefined) === target.value;
      case "revision":
        return relates((entry?.revision ?? 0) - target.value, operator);
      case "value":
        if (entry === undefined) return operator === CompareOperator.NOT_EQUAL;
        return relates(Buffer.compare(entry.value, target.value), operator);
      case undefined:
        throw invalidField("compares", "a target is not set");
    }
  }

  step({ $case, value: operation }: Step): StepResult {
    const { key } = operation;
    if ($case === "get") return { type: "get", entry: this.seen(key) };
    if ($case === "delete") {
      const existed = this.seen(key) !== undefined;
      if (existed) this.changes.set(nameOf(key), { key, entry: undefined });
      return { type: "delete", existed };
    }
    const ttlMs = operation.ttlMs || this.keyspace.defaultTtlMs;
    const expiresAtMs = ttlMs > 0 ? this.store.nowMs() + ttlMs : undefined;
    const entry = { value: operation.value, revision: this.revision, expiresAtMs };
    this.changes.set(nameOf(key), { key, entry });
    return { type: "put" };
  }

  commit(): void {
    const { number } = this.keyspace;
    for (const { key, entry } of this.changes.values()) {
      if (entry === undefined) this.store.remove(number, key);
      else this.store.putUntil(number, key, entry.value, entry.expiresAtMs);
    }
  }

  /** With the transaction's own changes so far. */
  private seen(key: Uint8Array): Seen | undefined {
    const own = this.changes.get(nameOf(key));
    return own === undefined ? this.store.table(this.keyspace.number).get(key) : own.entry;
  }
}

function stepsOf(operations: readonly TxnOperation[], field: string): readonly Step[] {
  return operations.map(({ operation }, at) => {
    if (operation === undefined) throw invalidField(`${field}[${at}].operation`, "is not set");
    return operation;
  });
}

function comparedValue(target: Compare["target"]): Uint8Array | undefined {
  return target?.$case === "value" ? target.value : undefined;
}

function checkResponse(results: readonly StepResult[], limit: number): void {
  const gets = results.filter((result) => result.type === "get");
  const bytes = gets.map(({ entry }) => RESULT_OVERHEAD_BYTES + (entry?.value.length ?? 0));
  if (bytes.reduce((sum, size) => sum + size, 0) <= limit) return;
  const message = `the values read are more than ${limit} bytes together`;
  throw new Refusal("RESPONSE_TOO_LARGE", message, { limit: String(limit) });
}

function toResult(
  result: StepResult,
  from: { readonly shard: number; readonly shardRevision: number },
  nowMs: number,
): TxnResponse["results"][number] {
  const { shard, shardRevision: revision } = from;
  switch (result.type) {
    case "put":
      return { result: { $case: "put", value: { revision, shard } } };
    case "delete":
      return { result: { $case: "delete", value: { existed: result.existed, revision, shard } } };
    case "get":
      return { result: { $case: "get", value: toFound(result.entry, from, nowMs) } };
  }
}

function relates(difference: number, operator: CompareOperator): boolean {
  switch (operator) {
    case CompareOperator.NOT_EQUAL:
      return difference !== 0;
    case CompareOperator.LESS:
      return difference < 0;
    case CompareOperator.GREATER:
      return difference > 0;
    case CompareOperator.EQUAL:
    case CompareOperator.UNSPECIFIED:
    default:
      return difference === 0;
  }
}
