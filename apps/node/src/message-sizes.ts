/** How large messages and log entries get, as the limits on requests say. */
import type { Settings } from "./config/settings.js";

type SizeSettings = Pick<Settings, "maxBatchBytes" | "maxBatchOperations">;

/** A request up to so many times too large is still read, to be refused with a reason of our own. */
const READ_TO_REFUSE = 2;
/** Bytes of a batch beside its keys and values: per operation, and once. */
const OPERATION_OVERHEAD_BYTES = 32;
const MESSAGE_OVERHEAD_BYTES = 65_536;
/** Room for what a client of ours puts into one message of a pipeline, however small the limits on requests are. */
const LEAST_MESSAGE_BYTES = 1024 * 1024;

/** Largest request that is read. */
export function maxMessageBytes(settings: SizeSettings): number {
  const batchBytes = READ_TO_REFUSE * settings.maxBatchBytes + overheadOf(settings);
  return Math.max(LEAST_MESSAGE_BYTES, batchBytes);
}

/** Largest command of a shard. */
export function maxEntryBytes(settings: SizeSettings): number {
  return settings.maxBatchBytes + overheadOf(settings);
}

function overheadOf({ maxBatchOperations }: SizeSettings): number {
  return maxBatchOperations * OPERATION_OVERHEAD_BYTES + MESSAGE_OVERHEAD_BYTES;
}
