/** Bytes of keys and values that requests hold while they are under way. */
import type {
  BatchRequest,
  CompareAndSetRequest,
  PutRequest,
  TxnRequest,
  WriteOperation,
} from "@titan/proto";

export function bytesOfKey(request: { readonly key: Uint8Array }): number {
  return request.key.length;
}

export function bytesOfPut(request: PutRequest): number {
  return request.key.length + request.value.length;
}

export function bytesOfCas({ key, expected, update }: CompareAndSetRequest): number {
  const expectedBytes = expected?.$case === "value" ? expected.value.length : 0;
  return key.length + expectedBytes + (update?.$case === "newValue" ? update.value.length : 0);
}

export function bytesOfBatch(request: BatchRequest): number {
  return bytesOfSteps(request.operations);
}

export function bytesOfTxn({ compares, then, otherwise }: TxnRequest): number {
  let bytes = bytesOfSteps(then) + bytesOfSteps(otherwise);
  for (const { key, target } of compares) {
    bytes += key.length + (target?.$case === "value" ? target.value.length : 0);
  }
  return bytes;
}

/** The steps of a batch and those of a transaction; a step that is not set weighs nothing. */
function bytesOfSteps(steps: readonly (WriteOperation | TxnRequest["then"][number])[]): number {
  let bytes = 0;
  for (const { operation } of steps) {
    if (operation === undefined) continue;
    bytes += operation.value.key.length;
    if (operation.$case === "put") bytes += operation.value.value.length;
  }
  return bytes;
}
