/**
 * One line of `titan batch`, which is a JSON object:
 *
 *     {"type":"put","key":"user:1","value":"Ada","ttlMs":60000}
 *     {"type":"delete","key":{"base64":"/w=="}}
 *
 * Keys and values are text, or bytes as `{"base64":"…"}` or `{"hex":"…"}`. `type` may be left out of a put, and a
 * `revision` is ignored, so that lines of `titan scan --json` can be put back as they are.
 */
import type { BatchOperation } from "@titan/client";
import { decodeArgument } from "./encoding.js";
import { checkKey } from "./key.js";
import type { Line } from "./lines.js";
import { UsageError } from "./usage-error.js";

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  put: ["type", "key", "value", "ttlMs", "revision"],
  delete: ["type", "key"],
};

/** @throws UsageError that names the line and what is wrong in it */
export function parseBatchLine(line: Line): BatchOperation<Uint8Array> {
  try {
    return toOperation(parseObject(line.text));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`line ${line.number}: ${error.message}`);
  }
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError('expected an object such as {"type":"put","key":"k","value":"v"}');
  }
  return value as Record<string, unknown>;
}

function toOperation(object: Record<string, unknown>): BatchOperation<Uint8Array> {
  const type = object["type"] ?? "put";
  const fields = typeof type === "string" && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined;
  if (fields === undefined) {
    throw new UsageError(`"type" is "put" or "delete", not ${JSON.stringify(type)}`);
  }
  const stray = Object.keys(object).find((name) => !fields.includes(name));
  if (stray !== undefined) {
    throw new UsageError(
      `a ${JSON.stringify(type)} has no field ${JSON.stringify(stray)}; it has ${fields.join(", ")}`,
    );
  }
  const key = checkKey(toBytes(object["key"], "key"));
  if (type === "delete") return { type: "delete", key };
  const ttlMs = toTtl(object["ttlMs"]);
  const value = toBytes(object["value"], "value");
  return ttlMs === undefined ? { type: "put", key, value } : { type: "put", key, value, ttlMs };
}

function toBytes(field: unknown, name: string): Uint8Array {
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
