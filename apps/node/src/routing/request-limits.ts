/** Checks of requests before they are sent anywhere: what they cost is bounded, wherever they end. */
import { BatchMeter, checkKey, checkTtl, checkValue, type KvLimits } from "../kv/limits.js";
import type { CompareAndSet, PutOperation, Txn, WriteOperation } from "../kv/requests.js";

/** @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE`, `VALUE_TOO_LARGE`, `FIELD_INVALID` (ttl_ms) */
export function checkPut(
  { key, value, ttlMs }: Pick<PutOperation, "key" | "value" | "ttlMs">,
  limits: KvLimits,
): void {
  checkKey(key, limits);
  checkValue(value, limits);
  checkTtl(ttlMs);
}

/** @throws KvError those of {@link checkPut} */
export function checkCompareAndSet(request: CompareAndSet, limits: KvLimits): void {
  const { key, newValue, ttlMs } = request;
  if (newValue === undefined) checkKey(key, limits);
  else checkPut({ key, value: newValue, ttlMs }, limits);
}

/** @throws KvError `BATCH_TOO_LARGE`, and those of {@link checkPut} */
export function checkBatch(operations: readonly WriteOperation[], limits: KvLimits): void {
  const meter = new BatchMeter(limits, operations.length);
  for (const operation of operations) {
    if (operation.type === "put") {
      checkPut(operation, limits);
      meter.add(operation.key.length + operation.value.length);
    } else {
      checkKey(operation.key, limits);
      meter.add(operation.key.length);
    }
  }
}

/** @throws KvError `BATCH_TOO_LARGE`, and those of {@link checkPut} */
export function checkTxn({ compares, then, otherwise }: Txn, limits: KvLimits): void {
  const meter = new BatchMeter(limits, compares.length + then.length + otherwise.length);
  for (const compare of compares) {
    checkKey(compare.key, limits);
    meter.add(compare.key.length + (compare.type === "value" ? compare.value.length : 0));
  }
  for (const operation of [...then, ...otherwise]) {
    checkKey(operation.key, limits);
    meter.add(operation.key.length);
    if (operation.type !== "put") continue;
    checkPut(operation, limits);
    meter.add(operation.value.length);
  }
}
