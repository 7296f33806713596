/**
 * One line of `titan batch`, which is a JSON object:
 *
 *     {"type":"put","key":"user:1","value":"Ada","ttlMs":60000}
 *     {"type":"delete","key":{"base64":"/w=="}}
 */
import type { BatchOperation } from "@titan/client";
import { parseObject, toOperation } from "./json-bytes.js";
import type { Line } from "./lines.js";
import { UsageError } from "./usage-error.js";

const EXAMPLE = '{"type":"put","key":"k","value":"v"}';

/** @throws UsageError that names the line and what is wrong in it */
export function parseBatchLine(line: Line): BatchOperation<Uint8Array> {
  try {
    return toOperation(parseObject(line.text, EXAMPLE), ["put", "delete"]);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`line ${line.number}: ${error.message}`);
  }
}
