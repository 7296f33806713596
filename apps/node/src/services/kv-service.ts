/** KvService: checks what a message alone can tell, hands it to the router, shapes the answer. */
import type {
  BatchRequest,
  CloseSessionRequest,
  CompareAndSetRequest,
  DeleteRequest,
  GetRequest,
  IncrementRequest,
  KvServiceImplementation,
  OpenSessionRequest,
  PutRequest,
  ScanRequest,
  ScanResponse,
  TxnRequest,
  WatchRequest,
  WriteId,
} from "@titan/proto";
import type { CallContext } from "nice-grpc";
import { invalidField } from "../kv/kv-error.js";
import type { Router, WriteCall } from "../routing/router.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { timeLeft } from "./call-deadline.js";
import type { Calls } from "./calls.js";
import * as codec from "./kv-codec.js";
import { toReadLevel } from "./request-checks.js";
import { bytesOfBatch, bytesOfCas, bytesOfKey, bytesOfPut, bytesOfTxn } from "./request-weights.js";
import { watchResponses } from "./watch-service.js";

export interface KvServiceOptions {
  /** Longest time for a call whose client names none, and for a page of a scan. */
  readonly requestTimeoutMs: number;
  /**
   * The cluster's clock, ms since the Unix epoch. A shard's own clock stands still while nothing is written there; what
   * is left of a time to live does not.
   */
  readonly clusterNowMs: () => number;
  /** Keys and values of one frame of a watch, about. */
  readonly watchFrameBytes: number;
}

const DEFAULT_SESSION_IDLE_MS = 60_000;
const LEAST_SESSION_IDLE_MS = 1_000;
const LONGEST_SESSION_IDLE_MS = 24 * 3_600_000;

/** What the methods share. */
interface Shared {
  readonly router: Router;
  readonly calls: Calls;
  readonly options: KvServiceOptions;
  readonly limitsOf: (context: CallContext) => CallLimits;
  /** The later one of a shard's clock and the cluster's. */
  readonly later: (nowMs: number) => number;
}

/** The service over `router`. */
export function createKvService(
  router: Router,
  calls: Calls,
  options: KvServiceOptions,
): KvServiceImplementation {
  const shared = {
    ...{ router, calls, options },
    limitsOf: (context: CallContext) => ({
      timeoutMs: timeLeft(context, options.requestTimeoutMs),
    }),
    later: (nowMs: number) => Math.max(nowMs, options.clusterNowMs()),
  };
  return { ...readsOf(shared), ...writesOf(shared), ...sessionsOf(shared) };
}

function readsOf({ router, calls, options, limitsOf, later }: Shared) {
  return {
    get: calls.routedRead(async (request: GetRequest, context) => {
      const keyspace = router.keyspace(request.keyspace);
      const level = toReadLevel(request.read, router);
      const read = await router.get(keyspace, request.key, level, limitsOf(context));
      const { entry, shard, shardRevision } = read;
      return codec.fromRead(entry, { shard, shardRevision, nowMs: later(read.nowMs) });
    }),
    scan: calls.pages((request: ScanRequest, context) => {
      const limits = { timeoutMs: options.requestTimeoutMs, signal: context.signal };
      return scan(router, request, { limits, later });
    }),
    watch: calls.watch((request: WatchRequest, signal) =>
      watchResponses(router, request, { signal, ...options }),
    ),
  };
}

function writesOf({ router, calls, limitsOf, later }: Shared) {
  const writeCall = (
    request: { readonly keyspace: string; readonly writeId: WriteId | undefined },
    context: CallContext,
  ): WriteCall => ({
    keyspace: router.keyspace(request.keyspace),
    writeId: codec.toWriteId(request.writeId),
    limits: limitsOf(context),
  });
  return {
    put: calls.write(bytesOfPut, async (request: PutRequest, context) => {
      const { revision, shard } = await router.put(request, writeCall(request, context));
      return { revision, shard };
    }),
    delete: calls.write(bytesOfKey, async (request: DeleteRequest, context) => {
      const answer = await router.delete(request.key, writeCall(request, context));
      const { existed, revision, shard } = answer;
      return { existed, revision, shard };
    }),
    batch: calls.write(bytesOfBatch, async (request: BatchRequest, context) => {
      const operations = request.operations.map(codec.toWriteOperation);
      const call = writeCall(request, context);
      const positions = await router.batch(operations, request.allowNonAtomic, call);
      return { revisions: [...positions] };
    }),
    compareAndSet: calls.write(bytesOfCas, async (request: CompareAndSetRequest, context) => {
      const call = writeCall(request, context);
      const result = await router.compareAndSet(codec.toCompareAndSet(request), call);
      const { shard } = result;
      if (result.applied) {
        return { applied: true, revision: result.revision, current: undefined, shard };
      }
      const current =
        result.current && codec.fromEntry(request.key, result.current, later(result.nowMs));
      return { applied: false, revision: 0, current, shard };
    }),
    increment: calls.write(bytesOfKey, async (request: IncrementRequest, context) => {
      const { value, revision, shard } = await router.increment(
        request,
        writeCall(request, context),
      );
      return { value, revision, shard };
    }),
    txn: calls.write(bytesOfTxn, async (request: TxnRequest, context) => {
      const result = await router.txn(codec.toTxn(request), writeCall(request, context));
      return codec.fromTxnResult(result, result.shard, later(result.nowMs));
    }),
  };
}

function sessionsOf({ router, calls, limitsOf }: Shared) {
  return {
    openSession: calls.write(nothing, async (request: OpenSessionRequest, context) => {
      const idleTimeoutMs = toIdleTimeout(request.idleTimeoutMs);
      const sessionId = await router.openSession(idleTimeoutMs, limitsOf(context));
      return { sessionId, idleTimeoutMs };
    }),
    closeSession: calls.write(nothing, async (request: CloseSessionRequest, context) => {
      codec.checkSessionId("session_id", request.sessionId);
      await router.closeSession(request.sessionId, limitsOf(context));
      return {};
    }),
  };
}

async function* scan(
  router: Router,
  request: ScanRequest,
  {
    limits,
    later,
  }: {
    readonly limits: { readonly timeoutMs: number; readonly signal: AbortSignal };
    readonly later: (nowMs: number) => number;
  },
): AsyncGenerator<ScanResponse, void, undefined> {
  const keyspace = router.keyspace(request.keyspace);
  const level = toReadLevel(request.read, router);
  for await (const page of router.scan(codec.toScan(request, keyspace.number), level, limits)) {
    const entries = page.entries.map((entry) =>
      codec.fromEntry(entry.key, entry, later(entry.nowMs)),
    );
    yield { entries, cursor: page.cursor };
  }
}

function toIdleTimeout(askedMs: number): number {
  if (askedMs > LONGEST_SESSION_IDLE_MS) {
    throw invalidField("idle_timeout_ms", `${askedMs} is more than ${LONGEST_SESSION_IDLE_MS}`);
  }
  return askedMs === 0 ? DEFAULT_SESSION_IDLE_MS : Math.max(LEAST_SESSION_IDLE_MS, askedMs);
}

function nothing(): number {
  return 0;
}
