/**
 * The file of `titan txn`, one JSON object:
 *
 *     {"if":[{"key":"{a}x","exists":false}],
 *      "then":[{"type":"put","key":"{a}x","value":"1"}],
 *      "otherwise":[{"type":"get","key":"{a}x"}]}
 */
import type { TxnCompare, TxnRequest } from "@titan/client";
import { checkFields, parseObject, toBytes, toObject, toOperation } from "./json-bytes.js";
import { checkKey } from "./key.js";
import { UsageError } from "./usage-error.js";

const EXAMPLE = '{"if":[{"key":"k","exists":false}],"then":[{"type":"put","key":"k","value":"v"}]}';
const OPERATORS = ["equal", "not-equal", "less", "greater"] as const;
type Operator = (typeof OPERATORS)[number];

/** @throws UsageError that says where what is wrong */
export function parseTxn(text: string): TxnRequest<Uint8Array> {
  const object = parseObject(text, EXAMPLE);
  checkFields(object, "a transaction", ["if", "then", "otherwise"]);
  return {
    if: listOf(object, "if", toCompare),
    // biome-ignore lint/suspicious/noThenProperty: the word of the API
    then: listOf(object, "then", toStep),
    otherwise: listOf(object, "otherwise", toStep),
  };
}

function listOf<Item>(
  object: Record<string, unknown>,
  name: string,
  toItem: (item: Record<string, unknown>) => Item,
): Item[] {
  const list = object[name] ?? [];
  if (!Array.isArray(list)) throw new UsageError(`"${name}" is a list`);
  return list.map((item: unknown, index) => {
    try {
      return toItem(toObject(item, EXAMPLE));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${name}[${index}]: ${error.message}`);
    }
  });
}

function toStep(object: Record<string, unknown>) {
  return toOperation(object, ["put", "delete", "get"]);
}

function toCompare(object: Record<string, unknown>): TxnCompare<Uint8Array> {
  checkFields(object, "a condition", ["key", "is", "value", "revision", "exists"]);
  const key = checkKey(toBytes(object["key"], "key"));
  const named = ["value", "revision", "exists"].filter((name) => object[name] !== undefined);
  if (named.length !== 1) {
    throw new UsageError('a condition has one of "value", "revision" and "exists"');
  }
  const { exists, revision } = object;
  if (exists !== undefined) {
    if (typeof exists !== "boolean") throw new UsageError('"exists" is true or false');
    if (object["is"] !== undefined) throw new UsageError('"is" does not go with "exists"');
    return { key, exists };
  }
  const is = toOperator(object["is"]);
  if (revision === undefined) return { key, is, value: toBytes(object["value"], "value") };
  if (typeof revision !== "number" || !Number.isSafeInteger(revision) || revision < 0) {
    throw new UsageError('"revision" is a whole number from 0 on');
  }
  return { key, is, revision };
}

function toOperator(field: unknown): Operator {
  const operator = OPERATORS.find((one) => one === (field ?? "equal"));
  if (operator !== undefined) return operator;
  throw new UsageError(`"is" is one of ${OPERATORS.join(", ")}, not ${JSON.stringify(field)}`);
}
