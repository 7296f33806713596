/** What one request may ask for; the checks and words of a real server. */
import { invalidField, Refusal } from "./refusal.js";

/** Bounds on requests: those of a node that was not told otherwise, unless the options say. */
export interface RequestLimits {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
  /** Keys and values of one batch or transaction together. */
  readonly maxBatchBytes: number;
  /** Operations and comparisons of one batch or transaction together. */
  readonly maxBatchOperations: number;
  /** Values that one transaction reads. */
  readonly maxResponseBytes: number;
}

/** Longest time to live: 100 years. */
const MAX_TTL_MS = 100 * 365 * 24 * 3_600_000;

/** A part of a batch or transaction. */
interface Part {
  readonly key: Uint8Array;
  readonly value?: Uint8Array | undefined;
  readonly ttlMs?: number;
}

/** @throws Refusal `KEY_EMPTY`, `KEY_TOO_LARGE` */
export function checkKey(key: Uint8Array, { maxKeyBytes }: RequestLimits): void {
  if (key.length === 0) throw new Refusal("KEY_EMPTY", "a key has at least 1 byte");
  if (key.length > maxKeyBytes) throw tooLarge("KEY_TOO_LARGE", "the key", key.length, maxKeyBytes);
}

/** @throws Refusal `FIELD_INVALID` */
export function checkTtl(ttlMs: number): void {
  if (ttlMs > MAX_TTL_MS) {
    throw invalidField("ttl_ms", `${ttlMs} is more than ${MAX_TTL_MS} (100 years)`);
  }
}

/** @throws Refusal `KEY_EMPTY`, `KEY_TOO_LARGE`, `VALUE_TOO_LARGE`, `FIELD_INVALID` */
export function checkPart({ key, value, ttlMs = 0 }: Part, limits: RequestLimits): void {
  checkKey(key, limits);
  if (value !== undefined && value.length > limits.maxValueBytes) {
    throw tooLarge("VALUE_TOO_LARGE", "the value", value.length, limits.maxValueBytes);
  }
  checkTtl(ttlMs);
}

/** @throws Refusal `BATCH_TOO_LARGE`, and those of {@link checkPart} */
export function checkTogether(parts: readonly Part[], limits: RequestLimits): void {
  const { maxBatchOperations, maxBatchBytes } = limits;
  if (parts.length > maxBatchOperations) {
    throw batchTooLarge("operations", parts.length, maxBatchOperations);
  }
  let bytes = 0;
  for (const part of parts) {
    checkPart(part, limits);
    bytes += part.key.length + (part.value?.length ?? 0);
    if (bytes > maxBatchBytes) throw batchTooLarge("bytes", bytes, maxBatchBytes);
  }
}

/** @throws Refusal `REQUEST_TOO_LARGE` for a message that a server would not even read */
export function checkMessage(bytes: number, limits: RequestLimits): void {
  // As apps/node reads: twice the largest batch, to refuse it in words of its own, and what is around it.
  const { maxBatchBytes, maxBatchOperations } = limits;
  const limit = Math.max(1024 * 1024, 2 * maxBatchBytes + maxBatchOperations * 32 + 65_536);
  if (bytes <= limit) return;
  const message = `the request has more than ${limit} bytes, which is all that the server reads; nothing was done`;
  throw new Refusal("REQUEST_TOO_LARGE", message, { limit: String(limit) });
}

function tooLarge(
  reason: "KEY_TOO_LARGE" | "VALUE_TOO_LARGE",
  what: string,
  actual: number,
  limit: number,
): Refusal {
  const message = `${what} has ${actual} bytes, the limit is ${limit}`;
  return new Refusal(reason, message, { limit: String(limit), actual: String(actual) });
}

function batchTooLarge(unit: "operations" | "bytes", actual: number, limit: number): Refusal {
  const message = `the request has at least ${actual} ${unit}, the limit is ${limit}`;
  const metadata = { limit: String(limit), actual: String(actual), unit };
  return new Refusal("BATCH_TOO_LARGE", message, metadata);
}
