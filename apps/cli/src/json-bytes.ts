/** Keys, values and operations as JSON has them: in the output of `--json`, in the files of `batch`, `import` and `txn`. */
import { Buffer, isUtf8 } from "node:buffer";
import type { TxnOperation } from "@titan/client";
import { decodeArgument } from "./encoding.js";
import { checkKey } from "./key.js";
import { UsageError } from "./usage-error.js";

export type ByteOperation = TxnOperation<Uint8Array>;

const FIELDS = {
  put: ["type", "key", "value", "ttlMs", "revision"],
  delete: ["type", "key"],
  get: ["type", "key"],
} as const;
export type OperationType = keyof typeof FIELDS;

/** Text where it is UTF-8, else base64. */
export type JsonBytes = string | { readonly base64: string };

/** What {@link toBytes} turns back into the same bytes. */
export function jsonBytes(bytes: Uint8Array): JsonBytes {
  return isUtf8(bytes) ? bufferOf(bytes).toString("utf8") : base64Bytes(bytes);
}

/** Base64, whatever the bytes are. */
export function base64Bytes(bytes: Uint8Array): JsonBytes {
  return { base64: bufferOf(bytes).toString("base64") };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @throws UsageError unless it is JSON text of an object. @param example such an object */
export function parseObject(text: string, example: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return toObject(value, example);
}

/** @throws UsageError */
export function toObject(value: unknown, example: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`expected an object such as ${example}`);
  }
  return value as Record<string, unknown>;
}

/** @throws UsageError that names a field which is none of `fields` */
export function checkFields(
  object: Record<string, unknown>,
  what: string,
  fields: readonly string[],
): void {
  const stray = Object.keys(object).find((name) => !fields.includes(name));
  if (stray === undefined) return;
  throw new UsageError(
    `${what} has no field ${JSON.stringify(stray)}; it has ${fields.join(", ")}`,
  );
}

/**
 * One operation. `type` may be left out of a put, and a `revision` is ignored, so that lines of `titan scan --json` can be
 * put back as they are.
 * @throws UsageError
 */
export function toOperation<const Type extends OperationType>(
  object: Record<string, unknown>,
  types: readonly Type[],
): Extract<ByteOperation, { readonly type: Type }> {
  const type = types.find((one) => one === (object["type"] ?? "put"));
  if (type === undefined) {
    const names = types.map((one) => JSON.stringify(one));
    const allButLast = names.length > 1 ? `${names.slice(0, -1).join(", ")} or ` : "";
    const given = JSON.stringify(object["type"]);
    throw new UsageError(`"type" is ${allButLast}${names.at(-1)}, not ${given}`);
  }
  checkFields(object, `a ${JSON.stringify(type)}`, FIELDS[type]);
  const key = checkKey(toBytes(object["key"], "key"));
  return withType(type, key, object) as Extract<ByteOperation, { readonly type: Type }>;
}

function withType(
  type: OperationType,
  key: Uint8Array,
  object: Record<string, unknown>,
): ByteOperation {
  if (type !== "put") return { type, key };
  const ttlMs = toTtl(object["ttlMs"]);
  const value = toBytes(object["value"], "value");
  return ttlMs === undefined ? { type, key, value } : { type, key, value, ttlMs };
}

/** Text, or bytes as `{"base64":"…"}` or `{"hex":"…"}`. @throws UsageError */
export function toBytes(field: unknown, name: string): Uint8Array {
  if (typeof field === "string") {
    if (/\p{Surrogate}/u.test(field))
      throw new UsageError(`"${name}" has half of a surrogate pair`);
    return Buffer.from(field, "utf8");
  }
  if (typeof field === "object" && field !== null) {
    const [[encoding, text] = [], more] = Object.entries(field);
    if (
      more === undefined &&
      typeof text === "string" &&
      (encoding === "base64" || encoding === "hex")
    ) {
      return decodeArgument(text, encoding, name);
    }
  }
  const what = field === undefined ? `"${name}" is missing; it` : `"${name}"`;
  throw new UsageError(`${what} is a string, {"base64":"…"} or {"hex":"…"}`);
}

function toTtl(field: unknown): number | undefined {
  if (field === undefined) return undefined;
  if (typeof field === "number" && Number.isSafeInteger(field) && field >= 1) return field;
  throw new UsageError('"ttlMs" is a whole number of milliseconds, at least 1');
}
