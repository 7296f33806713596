/** Counters are values that hold a decimal integer as ASCII text, so that any client can read them. */
import { KvError } from "./kv-error.js";

/** "-9007199254740991" */
const LONGEST_COUNTER_BYTES = 17;
const DECIMAL = /^-?(?:0|[1-9][0-9]*)$/;

/**
 * @param stored the counter's value; `undefined` counts as 0
 * @param delta safe integer
 * @throws KvError `NOT_A_COUNTER` when the value is no decimal integer, or the sum is not safe
 */
export function addToCounter(
  stored: Uint8Array | undefined,
  delta: number,
): { readonly value: number; readonly bytes: Uint8Array } {
  const before = stored === undefined ? 0 : parseCounter(stored);
  const value = before + delta;
  if (!Number.isSafeInteger(value)) {
    throw new KvError({
      code: "NOT_A_COUNTER",
      message: `adding ${delta} would take the counter beyond ±(2^53 - 1)`,
    });
  }
  return { value, bytes: Buffer.from(String(value), "latin1") };
}

function parseCounter(stored: Uint8Array): number {
  const text = stored.length <= LONGEST_COUNTER_BYTES ? Buffer.from(stored).toString("latin1") : "";
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new KvError({
    code: "NOT_A_COUNTER",
    message: "the stored value is not a decimal integer within ±(2^53 - 1)",
  });
}
