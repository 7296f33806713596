/** Decides a conditional transaction: pure reading of state, then a list of changes to commit at once. */
import type { Entry } from "./entry.js";
import { toStoreKey } from "./keyspace.js";
import { KvError } from "./kv-error.js";
import { BatchMeter, checkKey, checkTtl, checkValue, type KvLimits } from "./limits.js";
import type { Compare, CompareOperator, Txn, TxnOperation, TxnStepResult } from "./requests.js";
import { NO_REVISION } from "./revision.js";

/** What a write leaves under a key. `value` undefined: nothing. `ttlMs` 0: does not expire. */
interface Change {
  readonly storeKey: Buffer;
  readonly value: Uint8Array | undefined;
  readonly ttlMs: number;
}

/** The state of keys that the transaction meets. */
interface State {
  entry(storeKey: Buffer): Entry | undefined;
  nowMs(): number;
}

/** What a transaction will do. */
interface TxnDecision {
  readonly succeeded: boolean;
  readonly results: readonly TxnStepResult[];
  /** At most one for each key. */
  readonly changes: readonly Change[];
}

/** Bytes that an entry takes in an answer beside its value; an upper bound. */
const RESULT_OVERHEAD_BYTES = 48;

/** One transaction. Its arguments are checked on construction, its outcome decided later. */
export class TxnRun {
  readonly #state: State;
  readonly #request: Txn;
  readonly #limits: KvLimits;
  readonly #changes = new Map<string, Change>();
  #responseBytes = 0;

  /** @throws KvError `BATCH_TOO_LARGE`, `KEY_EMPTY`, `KEY_TOO_LARGE`, `VALUE_TOO_LARGE`, `FIELD_INVALID` */
  constructor(state: State, request: Txn, limits: KvLimits) {
    this.#state = state;
    this.#request = request;
    this.#limits = limits;
    const { compares, then, otherwise } = request;
    const meter = new BatchMeter(limits, compares.length + then.length + otherwise.length);
    for (const compare of compares) {
      checkKey(compare.key, limits);
      meter.add(compare.key.length + (compare.type === "value" ? compare.value.length : 0));
    }
    for (const operation of [...then, ...otherwise]) {
      checkKey(operation.key, limits);
      meter.add(operation.key.length);
      if (operation.type !== "put") continue;
      checkValue(operation.value, limits);
      checkTtl(operation.ttlMs);
      meter.add(operation.value.length);
    }
  }

  /**
   * The outcome on the state as it is. Call once.
   * @throws KvError `RESPONSE_TOO_LARGE`
   */
  decide(): TxnDecision {
    const { compares, then, otherwise } = this.#request;
    const succeeded = compares.every((compare) => holds(compare, this.#stored(compare.key)));
    const results = (succeeded ? then : otherwise).map((operation) => this.#step(operation));
    return { succeeded, results, changes: [...this.#changes.values()] };
  }

  #step(operation: TxnOperation): TxnStepResult {
    const storeKey = this.#storeKey(operation.key);
    switch (operation.type) {
      case "get":
        return { type: "get", entry: this.#metered(this.#seen(operation.key)) };
      case "put": {
        const { value, ttlMs } = operation;
        this.#changes.set(storeKey.toString("latin1"), { storeKey, value, ttlMs });
        return { type: "put" };
      }
      case "delete": {
        const existed = this.#seen(operation.key) !== undefined;
        const mapKey = storeKey.toString("latin1");
        if (existed) this.#changes.set(mapKey, { storeKey, value: undefined, ttlMs: 0 });
        return { type: "delete", existed };
      }
    }
  }

  /** What a step sees: the transaction's own writes before it, else what is stored. */
  #seen(key: Uint8Array): Entry | undefined {
    const own = this.#changes.get(this.#storeKey(key).toString("latin1"));
    if (own === undefined) return this.#stored(key);
    if (own.value === undefined) return undefined;
    // The revision is not known yet; the answer fills in the transaction's.
    const expiresAtMs = own.ttlMs > 0 ? this.#state.nowMs() + own.ttlMs : undefined;
    return { value: own.value, revision: NO_REVISION, expiresAtMs };
  }

  #stored(key: Uint8Array): Entry | undefined {
    return this.#state.entry(this.#storeKey(key));
  }

  #storeKey(key: Uint8Array): Buffer {
    return toStoreKey(this.#request.keyspace, key);
  }

  #metered(entry: Entry | undefined): Entry | undefined {
    this.#responseBytes += RESULT_OVERHEAD_BYTES + (entry?.value.length ?? 0);
    if (this.#responseBytes <= this.#limits.responseBytes) return entry;
    throw new KvError({
      code: "RESPONSE_TOO_LARGE",
      message: `the values read are more than ${this.#limits.responseBytes} bytes together`,
      metadata: { limit: String(this.#limits.responseBytes) },
    });
  }
}

function holds(compare: Compare, entry: Entry | undefined): boolean {
  switch (compare.type) {
    case "exists":
      return (entry !== undefined) === compare.exists;
    case "revision":
      return relates((entry?.revision ?? 0) - compare.revision, compare.operator);
    case "value":
      if (entry === undefined) return compare.operator === "not-equal";
      return relates(Buffer.compare(entry.value, compare.value), compare.operator);
  }
}

function relates(difference: number, operator: CompareOperator): boolean {
  switch (operator) {
    case "equal":
      return difference === 0;
    case "not-equal":
      return difference !== 0;
    case "less":
      return difference < 0;
    case "greater":
      return difference > 0;
  }
}
