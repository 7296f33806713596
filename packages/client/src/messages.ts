/** The contract's messages from what callers say, and back. */
import {
  type BatchRequest,
  type Compare,
  type CompareAndSetRequest,
  type CompareAndSetResponse,
  CompareOperator,
  Consistency,
  type GetStatusResponse,
  type KeyValue,
  type ScanRequest,
  type TxnRequest as TxnMessage,
  type TxnResponse,
  type ReadOptions as WireReadOptions,
} from "@titan/proto";
import { clusterStatus } from "./cluster-status.js";
import { ClientError } from "./errors.js";
import { boundToBytes, type Key, type KeysOption, keyFromBytes, keyToBytes } from "./keys.js";
import { checkInteger } from "./options.js";
import type {
  BatchOperation,
  CasRequest,
  CasResult,
  Entry,
  Expected,
  KeyEntry,
  NodeStatus,
  ReadOptions,
  ScanOptions,
  TxnAnswer,
  TxnCompare,
  TxnOperation,
  TxnRequest,
  TxnResult,
} from "./requests.js";
import type { ValueCodec } from "./values.js";

const NO_BYTES = new Uint8Array(0);
const OPERATORS = {
  equal: CompareOperator.EQUAL,
  "not-equal": CompareOperator.NOT_EQUAL,
  less: CompareOperator.LESS,
  greater: CompareOperator.GREATER,
} as const;

/** How a client turns keys and values into bytes and back. */
export class MessageCodec<V, K extends Key> {
  constructor(
    private readonly values: ValueCodec<V>,
    private readonly keys: KeysOption,
    private readonly maxMessageBytes: number,
    /** "": the default one. */
    private readonly keyspace: string,
  ) {}

  /**
   * A value's bytes.
   * @throws TypeError when the codec refuses it, RangeError when no message could hold it
   */
  value(value: V): Uint8Array {
    let bytes: Uint8Array;
    try {
      bytes = this.values.encode(value);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TypeError(`the value cannot be stored as ${this.values.name}: ${why}`, { cause });
    }
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`the ${this.values.name} codec made something other than a Uint8Array`);
    }
    if (bytes.length > this.maxMessageBytes) {
      throw new RangeError(
        `the value has ${bytes.length} bytes, more than maxMessageBytes (${this.maxMessageBytes})`,
      );
    }
    return bytes;
  }

  /** What stored bytes say. @throws ClientError `CLIENT_DECODE_FAILED` */
  decode(bytes: Uint8Array, key: Uint8Array): V {
    try {
      return this.values.decode(bytes);
    } catch (cause) {
      throw new ClientError({
        code: "CLIENT_DECODE_FAILED",
        outcome: "not-applied",
        message: `the value of ${printable(key)} is not ${this.values.name}; read it as "bytes"`,
        cause,
      });
    }
  }

  entry({ key, value, revision, ttlMs }: KeyValue): Entry<V, K> {
    const entry = { key: this.key(key), value: this.decode(value, key), revision };
    return ttlMs === undefined ? entry : { ...entry, ttlMs };
  }

  keyEntry({ key, revision, ttlMs }: KeyValue): KeyEntry<K> {
    const entry = { key: this.key(key), revision };
    return ttlMs === undefined ? entry : { ...entry, ttlMs };
  }

  batch(operations: readonly BatchOperation<V>[], allowNonAtomic = false): BatchRequest {
    if (!Array.isArray(operations)) throw new TypeError("a batch is a list of operations");
    const messages = operations.map((operation, index) => {
      try {
        return { operation: this.writeOperation(operation) };
      } catch (cause) {
        throw atIndex(`operations[${index}]`, cause);
      }
    });
    return { operations: messages, keyspace: this.keyspace, writeId: undefined, allowNonAtomic };
  }

  compareAndSet(key: Key, request: CasRequest<V>): CompareAndSetRequest {
    return {
      key: keyToBytes(key),
      expected: this.expected(request.expected),
      update:
        request.remove === true
          ? { $case: "remove", value: true }
          : { $case: "newValue", value: this.value(request.value) },
      keyspace: this.keyspace,
      ttlMs: ttlOf(request.ttlMs),
      writeId: undefined,
    };
  }

  casResult({ applied, revision, current }: CompareAndSetResponse): CasResult<V, K> {
    if (applied) return { applied, revision };
    return { applied, current: current === undefined ? undefined : this.entry(current) };
  }

  txn({ if: conditions = [], then = [], otherwise = [] }: TxnRequest<V>): TxnMessage {
    const each = <Item, Message>(
      list: readonly Item[],
      what: string,
      toMessage: (item: Item) => Message,
    ): Message[] => {
      if (!Array.isArray(list)) throw new TypeError(`${what} is a list`);
      return list.map((item, index) => {
        try {
          return toMessage(item);
        } catch (cause) {
          throw atIndex(`${what}[${index}]`, cause);
        }
      });
    };
    const operation = (one: TxnOperation<V>) => ({ operation: this.txnOperation(one) });
    return {
      compares: each(conditions, "if", (condition) => this.compare(condition)),
      then: each(then, "then", operation),
      otherwise: each(otherwise, "otherwise", operation),
      keyspace: this.keyspace,
      writeId: undefined,
    };
  }

  txnResult(
    { succeeded, results, revision }: TxnResponse,
    { then, otherwise }: TxnMessage,
  ): TxnResult<V, K> {
    const done = succeeded ? then : otherwise;
    const answers = results.map(({ result }, index): TxnAnswer<V, K> => {
      switch (result?.$case) {
        case "put":
          return { type: "put" };
        case "delete":
          return { type: "delete", existed: result.value.existed };
        case "get": {
          const { found, value, revision: version, ttlMs } = result.value;
          const key = done[index]?.operation?.value.key ?? NO_BYTES;
          const entry = found ? this.entry({ key, value, revision: version, ttlMs }) : undefined;
          return { type: "get", entry };
        }
        case undefined:
          throw protocolError("the server answers a part of the transaction with nothing");
      }
    });
    return { succeeded, answers, revision };
  }

  private key(bytes: Uint8Array): K {
    return keyFromBytes(bytes, this.keys) as K;
  }

  private compare(condition: TxnCompare<V>): Compare {
    const key = keyToBytes(condition.key);
    if ("exists" in condition) {
      if (typeof condition.exists !== "boolean") throw new TypeError("exists is true or false");
      const target = { $case: "exists", value: condition.exists } as const;
      return { key, operator: CompareOperator.EQUAL, target };
    }
    const { is = "equal" } = condition;
    const operator = Object.hasOwn(OPERATORS, is) ? OPERATORS[is] : undefined;
    if (operator === undefined) {
      throw new TypeError(`is: one of ${Object.keys(OPERATORS).join(", ")}`);
    }
    if ("revision" in condition) {
      const { revision } = condition;
      const checked = checkInteger(revision, "revision", 0, Number.MAX_SAFE_INTEGER);
      return { key, operator, target: { $case: "revision", value: checked } };
    }
    if (!("value" in condition)) {
      throw new TypeError("a condition has a value, a revision or exists");
    }
    return { key, operator, target: { $case: "value", value: this.value(condition.value) } };
  }

  private txnOperation(operation: TxnOperation<V>) {
    if (operation.type === "get") {
      return { $case: "get", value: { key: keyToBytes(operation.key) } } as const;
    }
    return this.writeOperation(operation);
  }

  private writeOperation(operation: BatchOperation<V>) {
    switch (operation.type) {
      case "put": {
        const { key, value, ttlMs } = operation;
        const put = { key: keyToBytes(key), value: this.value(value), ttlMs: ttlOf(ttlMs) };
        return { $case: "put", value: put } as const;
      }
      case "delete":
        return { $case: "delete", value: { key: keyToBytes(operation.key) } } as const;
      default:
        throw new TypeError('an operation has the type "put" or "delete"');
    }
  }

  private expected(expected: Expected<V>): CompareAndSetRequest["expected"] {
    if (expected === "absent") return { $case: "absent", value: true };
    if (expected === "present") return { $case: "absent", value: false };
    if (typeof expected !== "object" || expected === null) {
      throw new TypeError('expected is { value }, { revision }, "absent" or "present"');
    }
    if ("revision" in expected) {
      const { revision } = expected;
      const checked = checkInteger(revision, "revision", 0, Number.MAX_SAFE_INTEGER);
      return { $case: "revision", value: checked };
    }
    if ("value" in expected) return { $case: "value", value: this.value(expected.value) };
    throw new TypeError('expected is { value }, { revision }, "absent" or "present"');
  }
}

/** A time to live as messages carry it: 0 when there is none. */
export function ttlOf(ttlMs: number | undefined): number {
  return ttlMs === undefined ? 0 : checkInteger(ttlMs, "ttlMs", 1, Number.MAX_SAFE_INTEGER);
}

/** The freshness that a read asks for. @throws TypeError, RangeError */
export function freshness({
  consistency,
  maxStalenessMs,
}: ReadOptions): WireReadOptions | undefined {
  if (consistency !== undefined && consistency !== "linearizable" && consistency !== "stale") {
    throw new TypeError('consistency is "linearizable" or "stale"');
  }
  if (maxStalenessMs !== undefined && consistency !== "stale") {
    throw new TypeError('maxStalenessMs goes with consistency "stale"');
  }
  if (consistency !== "stale") return undefined;
  const { MAX_SAFE_INTEGER } = Number;
  return {
    consistency: Consistency.STALE,
    maxStalenessMs:
      maxStalenessMs === undefined
        ? 0
        : checkInteger(maxStalenessMs, "maxStalenessMs", 1, MAX_SAFE_INTEGER),
    atLeast: [],
  };
}

export function scanRequest(options: ScanOptions, keyspace: string): ScanRequest {
  const { prefix, start, end, reverse = false, limit, keysOnly = false, pageSize } = options;
  return {
    range: {
      prefix: prefix === undefined ? NO_BYTES : boundToBytes(prefix, "prefix"),
      start: start === undefined ? NO_BYTES : boundToBytes(start, "start"),
      end: end === undefined ? NO_BYTES : boundToBytes(end, "end"),
    },
    keyspace,
    reverse,
    limit: limit === undefined ? 0 : checkInteger(limit, "limit", 1, Number.MAX_SAFE_INTEGER),
    keysOnly,
    cursor: NO_BYTES,
    pageSize: pageSize === undefined ? 0 : checkInteger(pageSize, "pageSize", 1, 2 ** 32 - 1),
    read: freshness(options),
  };
}

export function nodeStatus(endpoint: string, answer: GetStatusResponse): NodeStatus {
  const { nodeId, version, uptimeMs, requestsInFlight, limits, store, cluster } = answer;
  return {
    endpoint,
    nodeId,
    version,
    uptimeMs,
    requestsInFlight,
    limits: limits === undefined ? undefined : { ...limits },
    store: store === undefined ? undefined : { ...store },
    cluster: cluster === undefined ? undefined : clusterStatus(cluster),
  };
}

/** The same mistake, with the place where it is. */
function atIndex(place: string, cause: unknown): Error {
  const message = `${place}: ${cause instanceof Error ? cause.message : String(cause)}`;
  return cause instanceof RangeError
    ? new RangeError(message, { cause })
    : new TypeError(message, { cause });
}

/** A key for a message: at most 64 bytes of it, as JSON text. */
function printable(key: Uint8Array): string {
  return JSON.stringify(Buffer.from(key.subarray(0, 64)).toString("utf8"));
}

function protocolError(message: string): ClientError {
  return new ClientError({ code: "CLIENT_PROTOCOL", outcome: "unknown", message });
}
