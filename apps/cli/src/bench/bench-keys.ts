/**
 * Keys of a benchmark: its prefix, `key-` and ten digits. Only what has this form is removed
 * afterwards, so that a prefix under which somebody else has keys costs those nothing.
 */
import { Buffer } from "node:buffer";
import type { ByteClient } from "../report.js";

/** The digits of {@link benchKey} suffice up to here. */
export const MAX_BENCH_KEYS = 1_000_000_000;
const FORM = /^key-\d{10}$/;
/** Well below what servers take at once by default. */
const KEYS_PER_BATCH = 250;

export function benchKey(prefix: Uint8Array, number: number): Uint8Array {
  return Buffer.concat([prefix, Buffer.from(`key-${String(number).padStart(10, "0")}`)]);
}

/**
 * Removes the keys of benchmarks under `prefix`. @throws what the client throws; some may be left
 * then
 */
export async function removeBenchKeys(
  client: Pick<ByteClient, "scan" | "batch">,
  prefix: Uint8Array,
  call: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  let keys: Uint8Array[] = [];
  const remove = async (): Promise<void> => {
    const operations = keys.map((key) => ({ type: "delete", key }) as const);
    keys = [];
    if (operations.length > 0) await client.batch(operations, { ...call, allowNonAtomic: true });
  };
  for await (const { key } of client.scan({ prefix, keysOnly: true, ...call })) {
    if (!FORM.test(Buffer.from(key.subarray(prefix.length)).toString("latin1"))) continue;
    keys.push(key);
    if (keys.length === KEYS_PER_BATCH) await remove();
  }
  await remove();
}
