/**
 * One line of an export, which is what `import` takes:
 *
 *     {"key":"user:1","value":"Ada","ttlMs":60000}
 *     {"key":{"base64":"/w=="},"value":{"base64":"AA=="}}
 */
import { Buffer } from "node:buffer";
import { base64Bytes, jsonBytes } from "./json-bytes.js";
import { MAX_LINE_BYTES } from "./lines.js";
import type { ByteEntry } from "./report.js";

/**
 * `entry` as a line, its end included. The value is base64 also where its text, with all the escapes of JSON, would be a
 * longer line than can be read back.
 */
export function formatEntryLine(
  { key, value, ttlMs }: ByteEntry,
  maxBytes = MAX_LINE_BYTES,
): string {
  const json = { key: jsonBytes(key), value: jsonBytes(value), ttlMs };
  // Only a control character needs more than three times the bytes that it has: `\u0000`.
  const isSurelyShort = 6 * (key.length + value.length) + 100 <= maxBytes;
  const line = JSON.stringify(json);
  if (isSurelyShort || Buffer.byteLength(line) <= maxBytes) return `${line}\n`;
  return `${JSON.stringify({ ...json, value: base64Bytes(value) })}\n`;
}
