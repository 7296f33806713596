import type { KvLimits } from "../../src/kv/limits.js";

/** Small enough that a test reaches each. */
export const SMALL_LIMITS: KvLimits = {
  keyBytes: 64,
  valueBytes: 256,
  batchBytes: 1024,
  batchOperations: 10,
  responseBytes: 1024,
  scanPageBytes: 512,
  scanPageKeys: 4,
};

/** As wide as a test needs where limits are not its subject. */
export const KV_LIMITS: KvLimits = {
  keyBytes: 1024,
  valueBytes: 1024 * 1024,
  batchBytes: 4 * 1024 * 1024,
  batchOperations: 1_000,
  responseBytes: 4 * 1024 * 1024,
  scanPageBytes: 64 * 1024,
  scanPageKeys: 100,
};
