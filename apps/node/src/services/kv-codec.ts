/** Messages of the contract to requests of the key-value layer, and answers back. */
import {
  type CompareAndSetRequest,
  type Compare as CompareMessage,
  CompareOperator as CompareOperatorMessage,
  type DeleteOperation as DeleteMessage,
  type GetOperation as GetMessage,
  type GetResponse,
  type KeyRange,
  type KeyValue,
  type PutOperation as PutMessage,
  type ScanRequest as ScanMessage,
  type TxnOperation as TxnOperationMessage,
  type TxnRequest,
  type TxnResponse,
  type TxnResult as TxnResultMessage,
  type WriteId as WriteIdMessage,
  type WriteOperation as WriteOperationMessage,
} from "@titan/proto";
import type { Entry } from "../kv/entry.js";
import { invalidField } from "../kv/kv-error.js";
import type {
  Compare,
  CompareAndSet,
  CompareOperator,
  DeleteOperation,
  Expectation,
  GetOperation,
  PutOperation,
  Txn,
  TxnOperation,
  TxnResult,
  TxnStepResult,
  WriteOperation,
} from "../kv/requests.js";
import { NO_REVISION, type Revision } from "../kv/revision.js";
import type { ScanRequest } from "../kv/scan-request.js";
import type { WriteId } from "../shard/shard-command.js";

const NOTHING = new Uint8Array(0);
const MAX_SESSION_ID_BYTES = 32;

/** @throws KvError `FIELD_INVALID` */
export function toWriteOperation(message: WriteOperationMessage, index: number): WriteOperation {
  const { operation } = message;
  if (operation === undefined) throw unset(`operations[${index}].operation`);
  return operation.$case === "put" ? toPut(operation.value) : toDelete(operation.value);
}

/** @throws KvError `FIELD_INVALID` */
export function toCompareAndSet(message: CompareAndSetRequest): Omit<CompareAndSet, "keyspace"> {
  const { update } = message;
  if (update === undefined) throw unset("update");
  if (update.$case === "remove" && !update.value) throw invalidField("remove", "must be true");
  return {
    key: message.key,
    expected: toExpectation(message.expected),
    newValue: update.$case === "newValue" ? update.value : undefined,
    ttlMs: message.ttlMs,
  };
}

function toExpectation(expected: CompareAndSetRequest["expected"]): Expectation {
  switch (expected?.$case) {
    case "value":
      return { type: "value", value: expected.value };
    case "revision":
      return { type: "revision", revision: expected.value };
    case "absent":
      return { type: "absent", absent: expected.value };
    case undefined:
      throw unset("expected");
  }
}

/** @throws KvError `FIELD_INVALID` */
export function toTxn(message: TxnRequest): Omit<Txn, "keyspace"> {
  return {
    compares: message.compares.map(toCompare),
    then: message.then.map((step, index) => toTxnOperation(step, `then[${index}]`)),
    otherwise: message.otherwise.map((step, index) => toTxnOperation(step, `otherwise[${index}]`)),
  };
}

function toTxnOperation({ operation }: TxnOperationMessage, field: string): TxnOperation {
  switch (operation?.$case) {
    case "put":
      return toPut(operation.value);
    case "delete":
      return toDelete(operation.value);
    case "get":
      return toGet(operation.value);
    case undefined:
      throw unset(`${field}.operation`);
  }
}

const OPERATORS: ReadonlyMap<CompareOperatorMessage, CompareOperator> = new Map([
  [CompareOperatorMessage.UNSPECIFIED, "equal"],
  [CompareOperatorMessage.EQUAL, "equal"],
  [CompareOperatorMessage.NOT_EQUAL, "not-equal"],
  [CompareOperatorMessage.LESS, "less"],
  [CompareOperatorMessage.GREATER, "greater"],
]);

function toCompare(message: CompareMessage, index: number): Compare {
  const { key, target } = message;
  const operator = OPERATORS.get(message.operator);
  if (operator === undefined) {
    throw invalidField(`compares[${index}].operator`, `${message.operator} is not known`);
  }
  switch (target?.$case) {
    case "value":
      return { type: "value", key, operator, value: target.value };
    case "revision":
      return { type: "revision", key, operator, revision: target.value };
    case "exists":
      return { type: "exists", key, operator, exists: target.value };
    case undefined:
      throw unset(`compares[${index}].target`);
  }
}

function toPut({ key, value, ttlMs }: PutMessage): PutOperation {
  return { type: "put", key, value, ttlMs };
}

function toDelete({ key }: DeleteMessage): DeleteOperation {
  return { type: "delete", key };
}

function toGet({ key }: GetMessage): GetOperation {
  return { type: "get", key };
}

export function toScan(message: ScanMessage, keyspace: number): ScanRequest {
  const { reverse, limit, keysOnly, cursor, pageSize } = message;
  return {
    keyspace,
    ...toBounds(message.range),
    ...{ reverse, limit, keysOnly, cursor, pageSize },
  };
}

/** What is not set is empty. */
export function toBounds(range: KeyRange | undefined) {
  return {
    prefix: range?.prefix ?? NOTHING,
    start: range?.start ?? NOTHING,
    end: range?.end ?? NOTHING,
  };
}

/**
 * The write id, checked for what can be told from it alone.
 * @throws KvError `FIELD_INVALID`
 */
export function toWriteId(message: WriteIdMessage | undefined): WriteId | undefined {
  if (message === undefined) return undefined;
  const { sessionId, sequence, acknowledgedBelow } = message;
  checkSessionId("write_id.session_id", sessionId);
  if (sequence < 1) throw invalidField("write_id.sequence", "the first is 1");
  if (acknowledgedBelow > sequence) {
    throw invalidField("write_id.acknowledged_below", "is above the sequence itself");
  }
  return { sessionId, sequence, acknowledgedBelow };
}

/** @throws KvError `FIELD_INVALID` */
export function checkSessionId(field: string, sessionId: Uint8Array): void {
  if (sessionId.length >= 1 && sessionId.length <= MAX_SESSION_ID_BYTES) return;
  throw invalidField(field, `has 1 to ${MAX_SESSION_ID_BYTES} bytes`);
}

/** `ttlMs` of an answer: at least 1 while the entry is there. */
function ttlOf(entry: Entry, nowMs: number): number | undefined {
  return entry.expiresAtMs === undefined ? undefined : Math.max(1, entry.expiresAtMs - nowMs);
}

/** `entry` under `key` as the contract has it. `nowMs`: the store's clock. */
export function fromEntry(key: Uint8Array, entry: Entry, nowMs: number): KeyValue {
  return { key, value: entry.value, revision: entry.revision, ttlMs: ttlOf(entry, nowMs) };
}

/** What an answer was read from: a shard, up to a revision, by its clock. */
export interface ReadFrom {
  readonly shard: number;
  readonly shardRevision: Revision;
  readonly nowMs: number;
}

/** The answer to a get that found `entry`. */
export function fromRead(
  entry: Entry | undefined,
  { shard, shardRevision, nowMs }: ReadFrom,
): GetResponse {
  if (entry === undefined) {
    return { found: false, value: NOTHING, revision: 0, ttlMs: undefined, shard, shardRevision };
  }
  return {
    found: true,
    value: entry.value,
    revision: entry.revision,
    ttlMs: ttlOf(entry, nowMs),
    shard,
    shardRevision,
  };
}

/** The answer to a transaction. */
export function fromTxnResult(result: TxnResult, shard: number, nowMs: number): TxnResponse {
  const { succeeded, results, revision } = result;
  const from = { shard, shardRevision: revision, nowMs };
  return {
    succeeded,
    results: results.map((step) => fromStep(step, from)),
    revision,
    shard,
  };
}

function fromStep(step: TxnStepResult, from: ReadFrom): TxnResultMessage {
  const { shard, shardRevision: revision } = from;
  switch (step.type) {
    case "put":
      return { result: { $case: "put", value: { revision, shard } } };
    case "delete":
      return { result: { $case: "delete", value: { existed: step.existed, revision, shard } } };
    case "get": {
      // A get that saw the transaction's own write has the transaction's revision.
      const isOwn = step.entry?.revision === NO_REVISION;
      const entry = isOwn && step.entry !== undefined ? { ...step.entry, revision } : step.entry;
      return { result: { $case: "get", value: fromRead(entry, from) } };
    }
  }
}

function unset(field: string): Error {
  return invalidField(field, "is not set");
}
