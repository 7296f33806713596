/**
 * One line of `titan batch` and `titan import`, which is a JSON object:
 *
 *     {"type":"put","key":"user:1","value":"Ada","ttlMs":60000}
 *     {"type":"delete","key":{"base64":"/w=="}}
 */
import { type ByteOperation, type OperationType, parseObject, toOperation } from "./json-bytes.js";
import type { Line } from "./lines.js";
import { UsageError } from "./usage-error.js";

const EXAMPLE = '{"type":"put","key":"k","value":"v"}';

/** @throws UsageError that names the line and what is wrong in it */
export function parseOperationLine<const Type extends OperationType>(
  line: Line,
  types: readonly Type[],
): Extract<ByteOperation, { readonly type: Type }> {
  try {
    return toOperation(parseObject(line.text, EXAMPLE), types);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`line ${line.number}: ${error.message}`);
  }
}
