/** Ranges of keys as requests name them. */
import type { KeyRange } from "@titan/proto";
import type { KeySpan } from "./key-table.js";

const NO_BYTES = new Uint8Array(0);

/** The keys that are meant; `undefined` when there can be none. What is not set is empty. */
export function spanOf(range: KeyRange | undefined): KeySpan | undefined {
  const { prefix = NO_BYTES, start = NO_BYTES, end = NO_BYTES } = range ?? {};
  const from = Buffer.compare(prefix, start) >= 0 ? prefix : start;
  const behind = successor(prefix);
  const isEndFirst = end.length > 0 && Buffer.compare(end, behind) < 0;
  const to = behind.length === 0 || isEndFirst ? end : behind;
  return to.length > 0 && Buffer.compare(from, to) >= 0 ? undefined : { from, to };
}

export function isWithin({ from, to }: KeySpan, key: Uint8Array): boolean {
  if (Buffer.compare(key, from) < 0) return false;
  return to.length === 0 || Buffer.compare(key, to) < 0;
}

/** The smallest key behind `key`. */
export function keyBehind(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** The smallest key behind all that begin with `prefix`; empty when there is none. */
function successor(prefix: Uint8Array): Uint8Array {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  const next = Uint8Array.from(prefix.subarray(0, length));
  if (length > 0) next[length - 1] = (next[length - 1] ?? 0) + 1;
  return next;
}
