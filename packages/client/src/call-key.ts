/** Which key a call is about, and by which its leader is found. */
import { type BatchRequest, Consistency, type GetRequest, type TxnRequest } from "@titan/proto";
import type { UnaryCalls } from "./ports.js";

type KeyOf<Request> = (request: Request) => Uint8Array | undefined;

const ofKey: KeyOf<{ readonly key: Uint8Array }> = ({ key }) => key;

const ofBatch: KeyOf<BatchRequest> = ({ operations }) => operations[0]?.operation?.value.key;

const ofTxn: KeyOf<TxnRequest> = ({ compares, then, otherwise }) =>
  compares[0]?.key ?? (then[0] ?? otherwise[0])?.operation?.value.key;

/** Calls that are about keys. */
const KEYS: { readonly [M in keyof UnaryCalls]?: KeyOf<UnaryCalls[M][0]> } = {
  ...{ put: ofKey, delete: ofKey, compareAndSet: ofKey, increment: ofKey },
  ...{ get: ofKey, batch: ofBatch, txn: ofTxn },
};

/** The key that a call is about, or the first of several. */
export function keyOf<M extends keyof UnaryCalls>(
  method: M,
  request: UnaryCalls[M][0],
): Uint8Array | undefined {
  return KEYS[method]?.(request);
}

/** The key whose shard's leader does a call best; undefined when any node does it as well. */
export function leaderKeyOf<M extends keyof UnaryCalls>(
  method: M,
  request: UnaryCalls[M][0],
): Uint8Array | undefined {
  return isForAnyNode(request) ? undefined : keyOf(method, request);
}

/** Any replica does, or several leaders have to. */
function isForAnyNode(request: object): boolean {
  if ("read" in request) return (request as GetRequest).read?.consistency === Consistency.STALE;
  return "allowNonAtomic" in request && (request as BatchRequest).allowNonAtomic;
}
