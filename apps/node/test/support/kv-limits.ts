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
