/** Many calls as one: so many at a time as the client sends at once, all within one deadline. */
import { ClientError, isClientError } from "./errors.js";
import type { Key } from "./keys.js";
import type { Clock } from "./ports.js";
import type { CallOptions } from "./requests.js";

const DELETED_AT_ONCE = 256;

export interface ManyDeps {
  readonly clock: Clock;
  /** Calls at a time. */
  readonly width: number;
  /** Of the client, when the call names none. */
  readonly timeoutMs: number;
}

/**
 * Calls `call` for each item. Lets all that were begun settle; begins no more once one has failed.
 * @returns what they gave, in the order of the items
 * @throws what failed first
 */
export async function forMany<Item, Result>(
  items: readonly Item[],
  call: (item: Item, options: CallOptions) => Promise<Result>,
  options: CallOptions,
  { clock, width, timeoutMs }: ManyDeps,
): Promise<Result[]> {
  const deadlineMs = clock.monotonicMs() + (options.timeoutMs ?? timeoutMs);
  const results: Result[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const at = next;
      next += 1;
      // A call whose time is over says so itself; it needs some to be one.
      const leftMs = Math.max(1, Math.ceil(deadlineMs - clock.monotonicMs()));
      try {
        results[at] = await call(items[at] as Item, { ...options, timeoutMs: leftMs });
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}

export async function* keysOf<K extends Key>(
  entries: AsyncIterable<{ readonly key: K }>,
): AsyncGenerator<K, void> {
  for await (const { key } of entries) yield key;
}

/** Removes keys, some at a time, as they come. @returns whether any was there */
export async function deleteEach<K extends Key>(
  keys: AsyncIterable<K> | Iterable<K>,
  remove: (key: K) => Promise<boolean>,
): Promise<boolean> {
  let hasDeleted = false;
  let some: K[] = [];
  const removeSome = async (): Promise<void> => {
    const deleted = await Promise.all(some.map(remove));
    hasDeleted ||= deleted.includes(true);
    some = [];
  };
  for await (const key of keys) {
    some.push(key);
    if (some.length >= DELETED_AT_ONCE) await removeSome();
  }
  await removeSome();
  return hasDeleted;
}

/** The failure of one write among several, some of which may have been done. */
export function partlyDone(error: unknown): unknown {
  if (!isClientError(error) || error.outcome === "unknown") return error;
  const { code, message, reason, metadata, retryAfterMs, endpoint, attempts } = error;
  return new ClientError({
    ...{ code, reason, metadata, retryAfterMs, endpoint, attempts },
    outcome: "unknown",
    message: `${message} (others of the same call may have been written)`,
    cause: error,
  });
}
