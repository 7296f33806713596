/** KvService: each call as a stream of its own. What the calls do is in `kv-calls.ts`. */
import type {
  CloseSessionRequest,
  KvServiceImplementation,
  OpenSessionRequest,
  ScanRequest,
  ScanResponse,
  WatchRequest,
} from "@titan/proto";
import type { CallContext } from "nice-grpc";
import { invalidField } from "../kv/kv-error.js";
import type { Router } from "../routing/router.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { timeLeft } from "./call-deadline.js";
import type { Calls } from "./calls.js";
import type { KvCall, KvCalls } from "./kv-calls.js";
import * as codec from "./kv-codec.js";
import { toReadLevel } from "./request-checks.js";
import { watchResponses } from "./watch-service.js";

export interface KvServiceOptions {
  /** Longest time for a call whose client names none, and for a page of a scan. */
  readonly requestTimeoutMs: number;
  /** See `createKvCalls`. */
  readonly clusterNowMs: () => number;
  /** Keys and values of one frame of a watch, about. */
  readonly watchFrameBytes: number;
}

const DEFAULT_SESSION_IDLE_MS = 60_000;
const LEAST_SESSION_IDLE_MS = 1_000;
const LONGEST_SESSION_IDLE_MS = 24 * 3_600_000;

/** The service over `router`. */
export function createKvService(
  { router, kvCalls }: { readonly router: Router; readonly kvCalls: KvCalls },
  calls: Calls,
  options: KvServiceOptions,
): KvServiceImplementation {
  const limitsOf = (context: CallContext): CallLimits => ({
    timeoutMs: timeLeft(context, options.requestTimeoutMs),
  });
  const unary = <Request, Response>(call: KvCall<Request, Response>) => calls.unary(call, limitsOf);
  return {
    put: unary(kvCalls.put),
    get: unary(kvCalls.get),
    delete: unary(kvCalls.delete),
    batch: unary(kvCalls.batch),
    compareAndSet: unary(kvCalls.compareAndSet),
    increment: unary(kvCalls.increment),
    txn: unary(kvCalls.txn),
    scan: calls.pages((request: ScanRequest, context) => {
      const limits = { timeoutMs: options.requestTimeoutMs, signal: context.signal };
      return scan(router, request, { limits, clusterNowMs: options.clusterNowMs });
    }),
    watch: calls.watch((request: WatchRequest, signal) =>
      watchResponses(router, request, { signal, ...options }),
    ),
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
    clusterNowMs,
  }: {
    readonly limits: { readonly timeoutMs: number; readonly signal: AbortSignal };
    readonly clusterNowMs: () => number;
  },
): AsyncGenerator<ScanResponse, void, undefined> {
  const keyspace = router.keyspace(request.keyspace);
  const level = toReadLevel(request.read, router);
  for await (const page of router.scan(codec.toScan(request, keyspace.number), level, limits)) {
    const entries = page.entries.map((entry) =>
      codec.fromEntry(entry.key, entry, Math.max(entry.nowMs, clusterNowMs())),
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
