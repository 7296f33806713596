/** Removes many keys in batches of bounded size. */
import type { Bitcask } from "../bitcask.js";
import type { BatchOperation, SyncMode } from "../options.js";

export interface DeleteRangeOptions {
  /** @default the store's */
  readonly sync?: SyncMode | undefined;
  /** Most bytes of one batch; the store's `maxBatchBytes`, when that is set. @default 1 MiB */
  readonly maxBatchBytes?: number | undefined;
}

/** Bytes that a delete takes in a batch beside its key; generously. */
const RECORD_OVERHEAD_BYTES = 64;
const BATCH_BYTES = 1024 * 1024;

/**
 * Deletes the keys of a scan. Not atomic: each batch is, and a crash or an error may leave keys behind.
 * A key put meanwhile may be deleted when it was there as the scan sees it.
 */
export async function deleteRange(
  store: Bitcask,
  keys: AsyncIterable<Uint8Array>,
  { sync, maxBatchBytes = BATCH_BYTES }: DeleteRangeOptions = {},
): Promise<void> {
  const limit = Math.min(BATCH_BYTES, maxBatchBytes);
  let operations: BatchOperation[] = [];
  let bytes = 0;
  for await (const key of keys) {
    const size = key.length + RECORD_OVERHEAD_BYTES;
    if (operations.length > 0 && bytes + size > limit) {
      await store.batch(operations, { sync });
      operations = [];
      bytes = 0;
    }
    operations.push({ type: "delete", key });
    bytes += size;
  }
  await store.batch(operations, { sync });
}
