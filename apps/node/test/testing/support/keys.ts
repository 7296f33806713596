/** Different keys, over all shards. */
export function keysOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `key-${at}`);
}
