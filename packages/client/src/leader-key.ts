/** By which key of a call its leader is found. */
import { type BatchRequest, Consistency, type GetRequest, type TxnRequest } from "@titan/proto";
import type { UnaryCalls } from "./ports.js";

type KeyOf<Request> = (request: Request) => Uint8Array | undefined;

const ofKey: KeyOf<{ readonly key: Uint8Array }> = ({ key }) => key;

const ofGet: KeyOf<GetRequest> = ({ key, read }) =>
  read?.consistency === Consistency.STALE ? undefined : key;

const ofBatch: KeyOf<BatchRequest> = ({ operations, allowNonAtomic }) =>
  allowNonAtomic ? undefined : operations[0]?.operation?.value.key;

const ofTxn: KeyOf<TxnRequest> = ({ compares, then, otherwise }) =>
  compares[0]?.key ?? (then[0] ?? otherwise[0])?.operation?.value.key;

/** Calls that a leader does best; any node does the others as well. */
const KEYS: { readonly [M in keyof UnaryCalls]?: KeyOf<UnaryCalls[M][0]> } = {
  ...{ put: ofKey, delete: ofKey, compareAndSet: ofKey, increment: ofKey },
  ...{ get: ofGet, batch: ofBatch, txn: ofTxn },
};

/** The key whose shard's leader does a call best; undefined when any node does it as well. */
export function leaderKeyOf<M extends keyof UnaryCalls>(
  method: M,
  request: UnaryCalls[M][0],
): Uint8Array | undefined {
  return KEYS[method]?.(request);
}
