/** The calls on keys that have one request and one answer, whatever way they come. */
import type {
  BatchRequest,
  BatchResponse,
  CompareAndSetRequest,
  CompareAndSetResponse,
  DeleteRequest,
  DeleteResponse,
  GetRequest,
  GetResponse,
  IncrementRequest,
  IncrementResponse,
  PutRequest,
  PutResponse,
  TxnRequest,
  TxnResponse,
  WriteId,
} from "@titan/proto";
import type { Router, WriteCall } from "../routing/router.js";
import type { CallLimits } from "../shard/shard-replica.js";
import * as codec from "./kv-codec.js";
import { toReadLevel } from "./request-checks.js";
import { bytesOfBatch, bytesOfCas, bytesOfKey, bytesOfPut, bytesOfTxn } from "./request-weights.js";

/** How a call is served. Fails with KvErrors; see the router. */
export interface KvCall<Request, Response> {
  readonly kind: "read" | "write";
  /** Bytes that the request holds while it is under way. */
  weigh(request: Request): number;
  serve(request: Request, limits: CallLimits): Promise<Response>;
}

export interface KvCalls {
  readonly put: KvCall<PutRequest, PutResponse>;
  readonly get: KvCall<GetRequest, GetResponse>;
  readonly delete: KvCall<DeleteRequest, DeleteResponse>;
  readonly batch: KvCall<BatchRequest, BatchResponse>;
  readonly compareAndSet: KvCall<CompareAndSetRequest, CompareAndSetResponse>;
  readonly increment: KvCall<IncrementRequest, IncrementResponse>;
  readonly txn: KvCall<TxnRequest, TxnResponse>;
}

/**
 * @param clusterNowMs the cluster's clock, ms since the Unix epoch. A shard's own clock stands still while nothing is
 *   written there; what is left of a time to live does not.
 */
export function createKvCalls(router: Router, clusterNowMs: () => number): KvCalls {
  const later = (nowMs: number): number => Math.max(nowMs, clusterNowMs());
  return { ...plainCalls(router, later), ...conditionalCalls(router, later) };
}

/** @param later the later one of a shard's clock and the cluster's */
function plainCalls(
  router: Router,
  later: (nowMs: number) => number,
): Pick<KvCalls, "put" | "get" | "delete" | "batch"> {
  return {
    put: {
      ...{ kind: "write", weigh: bytesOfPut },
      serve: async (request, limits) => {
        const { revision, shard } = await router.put(request, writeCall(router, request, limits));
        return { revision, shard };
      },
    },
    get: {
      ...{ kind: "read", weigh: () => 0 },
      serve: async (request, limits) => {
        const keyspace = router.keyspace(request.keyspace);
        const level = toReadLevel(request.read, router);
        const read = await router.get(keyspace, request.key, level, limits);
        const { entry, shard, shardRevision } = read;
        return codec.fromRead(entry, { shard, shardRevision, nowMs: later(read.nowMs) });
      },
    },
    delete: {
      ...{ kind: "write", weigh: bytesOfKey },
      serve: async (request, limits) => {
        const answer = await router.delete(request.key, writeCall(router, request, limits));
        const { existed, revision, shard } = answer;
        return { existed, revision, shard };
      },
    },
    batch: {
      ...{ kind: "write", weigh: bytesOfBatch },
      serve: async (request, limits) => {
        const operations = request.operations.map(codec.toWriteOperation);
        const call = writeCall(router, request, limits);
        const positions = await router.batch(operations, request.allowNonAtomic, call);
        return { revisions: [...positions] };
      },
    },
  };
}

/** What they do depends on what is there. */
function conditionalCalls(
  router: Router,
  later: (nowMs: number) => number,
): Pick<KvCalls, "compareAndSet" | "increment" | "txn"> {
  return {
    compareAndSet: {
      ...{ kind: "write", weigh: bytesOfCas },
      serve: async (request, limits) => {
        const call = writeCall(router, request, limits);
        const result = await router.compareAndSet(codec.toCompareAndSet(request), call);
        const { shard } = result;
        if (result.applied) {
          return { applied: true, revision: result.revision, current: undefined, shard };
        }
        const current =
          result.current && codec.fromEntry(request.key, result.current, later(result.nowMs));
        return { applied: false, revision: 0, current, shard };
      },
    },
    increment: {
      ...{ kind: "write", weigh: bytesOfKey },
      serve: async (request, limits) => {
        const { value, revision, shard } = await router.increment(
          request,
          writeCall(router, request, limits),
        );
        return { value, revision, shard };
      },
    },
    txn: {
      ...{ kind: "write", weigh: bytesOfTxn },
      serve: async (request, limits) => {
        const result = await router.txn(codec.toTxn(request), writeCall(router, request, limits));
        return codec.fromTxnResult(result, result.shard, later(result.nowMs));
      },
    },
  };
}

function writeCall(
  router: Router,
  request: { readonly keyspace: string; readonly writeId: WriteId | undefined },
  limits: CallLimits,
): WriteCall {
  return {
    keyspace: router.keyspace(request.keyspace),
    writeId: codec.toWriteId(request.writeId),
    limits,
  };
}
