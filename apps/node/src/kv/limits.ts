/** Bounds on requests, and the checks that enforce them. */
import { KvError } from "./kv-error.js";

/** What one request may ask for. Bytes unless the name says otherwise. */
export interface KvLimits {
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Keys and values of one batch or transaction together. */
  readonly batchBytes: number;
  /** Operations and comparisons of one batch or transaction together. */
  readonly batchOperations: number;
  /** Largest answer. */
  readonly responseBytes: number;
  /** A page of a scan ends when its keys and values reach this. */
  readonly scanPageBytes: number;
  /** A page of a scan ends after so many keys. */
  readonly scanPageKeys: number;
}

/** The contract's largest key. */
export const MAX_KEY_BYTES = 65_535;

/** Longest time to live: 100 years. It keeps every expiry a safe integer and any date representable. */
export const MAX_TTL_MS = 100 * 365 * 24 * 3_600_000;

/** @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE` */
export function checkKey(key: Uint8Array, limits: KvLimits): void {
  if (key.length === 0)
    throw new KvError({ code: "KEY_EMPTY", message: "a key has at least 1 byte" });
  if (key.length > limits.keyBytes) {
    throw tooLarge("KEY_TOO_LARGE", "the key", key.length, limits.keyBytes);
  }
}

/** @throws KvError `VALUE_TOO_LARGE` */
export function checkValue(value: Uint8Array, limits: KvLimits): void {
  if (value.length > limits.valueBytes) {
    throw tooLarge("VALUE_TOO_LARGE", "the value", value.length, limits.valueBytes);
  }
}

/** @throws KvError `FIELD_INVALID` */
export function checkTtl(ttlMs: number): void {
  if (ttlMs > MAX_TTL_MS) {
    throw new KvError({
      code: "FIELD_INVALID",
      message: `ttl_ms: ${ttlMs} is more than ${MAX_TTL_MS} (100 years)`,
      metadata: { field: "ttl_ms" },
    });
  }
}

/** Adds up what a batch or transaction asks for. */
export class BatchMeter {
  readonly #limits: KvLimits;
  #bytes = 0;

  /** @throws KvError `BATCH_TOO_LARGE` (operations) */
  constructor(limits: KvLimits, operations: number) {
    this.#limits = limits;
    if (operations > limits.batchOperations) {
      throw batchTooLarge("operations", operations, limits.batchOperations);
    }
  }

  /** @throws KvError `BATCH_TOO_LARGE` (bytes) */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.batchBytes) {
      throw batchTooLarge("bytes", this.#bytes, this.#limits.batchBytes);
    }
  }
}

function tooLarge(
  code: "KEY_TOO_LARGE" | "VALUE_TOO_LARGE",
  what: string,
  actual: number,
  limit: number,
): KvError {
  return new KvError({
    code,
    message: `${what} has ${actual} bytes, the limit is ${limit}`,
    metadata: { limit: String(limit), actual: String(actual) },
  });
}

function batchTooLarge(unit: "operations" | "bytes", actual: number, limit: number): KvError {
  return new KvError({
    code: "BATCH_TOO_LARGE",
    message: `the request has at least ${actual} ${unit}, the limit is ${limit}`,
    metadata: { limit: String(limit), actual: String(actual), unit },
  });
}
