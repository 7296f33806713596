/**
 * The routing key: the part of a key that decides where the key lives. It is the key itself or, when the key
 * has a `{` and a later `}` with something between them, that something: the first `{` and the next `}`
 * count (the hash tags of the Redis Cluster specification). So `{user:7}:name` and `{user:7}:mail` live
 * together. Both braces are single bytes in UTF-8, so the rule is the same for strings and for bytes.
 */

const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Where the routing key of `key[0..length)` begins; its end is {@link routingKeyEnd}. */
export function routingKeyStart(key: Uint8Array, length: number): number {
  const open = indexOf(key, OPEN, 0, length);
  if (open < 0) return 0;
  const close = indexOf(key, CLOSE, open + 1, length);
  return close > open + 1 ? open + 1 : 0;
}

/** Where the routing key that begins at `start` ends. */
export function routingKeyEnd(key: Uint8Array, start: number, length: number): number {
  return start === 0 ? length : indexOf(key, CLOSE, start, length);
}

/** The routing key itself, for people and for tests; a view of `key` when that is bytes. */
export function routingKey<Key extends string | Uint8Array>(key: Key): Key;
export function routingKey(key: string | Uint8Array): string | Uint8Array {
  if (typeof key !== "string") {
    const start = routingKeyStart(key, key.length);
    return key.subarray(start, routingKeyEnd(key, start, key.length));
  }
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

/** Keys are short: a loop beats a call into the runtime. */
function indexOf(bytes: Uint8Array, byte: number, from: number, to: number): number {
  for (let at = from; at < to; at += 1) if (bytes[at] === byte) return at;
  return -1;
}
