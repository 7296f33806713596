/** Makes calls: bounded in number and time, retried where safe, each settled with a typed error. */
import { Attempts, type CallContext, closedError } from "./attempts.js";
import { keyOf, leaderKeyOf } from "./call-key.js";
import { CallLimiter } from "./call-limiter.js";
import { CallScope } from "./call-scope.js";
import { EndpointPool } from "./endpoint-pool.js";
import { ClientError, isClientError } from "./errors.js";
import type { CallNature } from "./failure-mapping.js";
import { hedge } from "./hedge.js";
import { type Answered, intercept } from "./interceptors.js";
import { LeaderRoutes } from "./leader-routes.js";
import { checkTimeoutMs, type ResolvedOptions } from "./options.js";
import type { ClientPorts, UnaryCalls } from "./ports.js";
import type { CallOptions, ReadOptions } from "./requests.js";
import { RetryBudget } from "./retry-budget.js";
import { SessionPool, type WriteTicket } from "./session-pool.js";

/** A call that changes nothing. */
export const READ: CallNature = { writes: false, retryUnknown: false };
/** A call that must not happen twice. */
export const WRITE: CallNature = { writes: true, retryUnknown: false };
/** A write that the caller allows to happen twice. */
export const REPEATABLE_WRITE: CallNature = { writes: true, retryUnknown: true };

/** Writes that have ids. */
const IDENTIFIED: ReadonlySet<keyof UnaryCalls> = new Set<keyof UnaryCalls>([
  ...(["put", "delete", "batch", "compareAndSet", "increment", "txn"] as const),
]);
/** The cluster forgets a session that was not used on a shard for so long. */
const SESSION_IDLE_MS = 300_000;
/** Sessions that one write tries, each of which was forgotten. */
const MOST_RENEWALS = 3;
/** Milliseconds for ending a session when the client closes. */
const CLOSE_MS = 500;

/** Bounds of a call, which a read may have asked of a second node. */
type HedgedOptions = CallOptions & Pick<ReadOptions, "hedgeAfterMs">;

/** A call while it is being sent. */
interface Sending {
  readonly scope: CallScope;
  readonly attempts: Attempts;
}

export class Caller {
  readonly context: CallContext;
  private readonly limiter: CallLimiter;
  private readonly scopes = new Set<CallScope>();
  /** Undefined: writes have no ids. */
  private readonly sessions: SessionPool | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: ResolvedOptions,
    ports: ClientPorts,
  ) {
    const { retry } = options;
    this.limiter = new CallLimiter(options.maxConcurrentCalls, options.maxQueuedCalls);
    this.sessions = options.exactlyOnce ? new SessionPool(() => this.openSession()) : undefined;
    const pool = new EndpointPool(options.endpoints, ports, {
      connectTimeoutMs: options.connectTimeoutMs,
      onLeader: (shard, node) => routes.heardOfLeader(shard, node),
      logger: options.logger,
    });
    const routes = new LeaderRoutes(pool, ports.clock, options);
    this.context = {
      clock: ports.clock,
      random: ports.random,
      pool,
      routes,
      logger: options.logger,
      budget: new RetryBudget(retry.budget),
      retry: { maxAttempts: retry.maxAttempts, baseMs: retry.baseDelayMs, maxMs: retry.maxDelayMs },
    };
  }

  /**
   * Makes one call, within the interceptors.
   * @param target address of the only endpoint that will do
   * @returns the answer, and the address of the endpoint that gave it
   */
  call<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    nature: CallNature,
    options: HedgedOptions | undefined,
    target?: string,
  ): Promise<Answered<UnaryCalls[M][1]>> {
    const { interceptors, timeoutMs } = this.options;
    const make = () => this.make(method, request, nature, options, target);
    if (interceptors.length === 0) return make();
    const keyspace = keyspaceOf(request);
    const key = keyOf(method, request);
    const about = { method, keyspace, key, timeoutMs: options?.timeoutMs ?? timeoutMs };
    return intercept(interceptors, about, make);
  }

  private async make<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    nature: CallNature,
    options: HedgedOptions | undefined,
    target?: string,
  ): Promise<Answered<UnaryCalls[M][1]>> {
    const hedgeAfterMs = hedgeTimeOf(options);
    const scope = this.openScope(options);
    const isOnce = this.sessions !== undefined && IDENTIFIED.has(method);
    const destination = { target, key: leaderKeyOf(method, request) };
    const safely = isOnce ? REPEATABLE_WRITE : nature;
    const attempts = new Attempts(this.context, scope, safely, destination);
    let hasSlot = false;
    try {
      if (scope.end !== undefined) throw attempts.ended("queued");
      if (!this.limiter.tryAcquire()) await this.queue(scope, attempts);
      hasSlot = true;
      // The deadline's timer may be due and not have fired. What is sent now could only end as "unknown".
      if (scope.remainingMs() <= 0) throw attempts.ended("queued");
      const sending = { scope, attempts };
      if (hedgeAfterMs !== undefined) {
        return await this.sendHedged(method, request, sending, hedgeAfterMs);
      }
      if (!isOnce) return await this.send(method, request, sending);
      return await this.sendOnce(method, request, sending);
    } finally {
      if (hasSlot) this.limiter.release();
      scope.finish();
    }
  }

  /**
   * Begins the scope of a call; its user must `finish()` it.
   * @throws TypeError, RangeError for wrong options; ClientError `CLIENT_CLOSED`
   */
  openScope(options: CallOptions | undefined): CallScope {
    if (this.closing !== undefined) throw closedError();
    const timeoutMs = checkTimeoutMs(options?.timeoutMs ?? this.options.timeoutMs, "timeoutMs");
    const signal = options?.signal;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError("signal must be an AbortSignal");
    }
    return new CallScope(this.context.clock, timeoutMs, signal, this.scopes);
  }

  /** Ends everything under way, and the sessions where that is quickly done. Idempotent; never rejects. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    for (const scope of this.scopes) scope.close();
    const { pool, routes } = this.context;
    const sessions = this.sessions?.end() ?? [];
    // Those that nobody ends the cluster forgets by itself, in time.
    if (pool.current() !== undefined && sessions.length > 0) {
      await Promise.all(sessions.map((sessionId) => this.closeSession(sessionId)));
    }
    routes.close();
    pool.close();
  }

  /** As {@link Caller.send}, of a read, and of a second node as well when the first takes long. */
  private async sendHedged<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    { scope, attempts }: Sending,
    afterMs: number,
  ): Promise<Answered<UnaryCalls[M][1]>> {
    const { clock, pool, budget } = this.context;
    let other: CallScope | undefined;
    const second = (): Promise<Answered<UnaryCalls[M][1]>> | undefined => {
      const target = pool.besides(attempts.endpoint);
      // It is one call more, as a retry is.
      if (target === undefined || scope.remainingMs() < 1 || !budget.take()) return undefined;
      const leftMs = Math.max(1, Math.floor(scope.remainingMs()));
      const otherScope = new CallScope(clock, leftMs, scope.signal, this.scopes);
      other = otherScope;
      const others = new Attempts(this.context, otherScope, READ, { target });
      return this.send(method, request, { scope: otherScope, attempts: others });
    };
    try {
      const first = this.send(method, request, { scope, attempts });
      return await hedge(first, { clock, afterMs, second });
    } finally {
      // Whichever is still under way is asked for nothing; the other one ends with this one.
      scope.close();
      other?.finish();
    }
  }

  /** Sends until it is answered, or must not or cannot be sent again. */
  private async send<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    { scope, attempts }: Sending,
  ): Promise<Answered<UnaryCalls[M][1]>> {
    for (;;) {
      const routing = attempts.route();
      const route = routing instanceof Promise ? await routing : routing;
      try {
        const { connection } = route;
        const answer = await connection.call(method, request, scope.signal, scope.remainingMs());
        attempts.succeeded(route);
        return { answer, endpoint: route.link.endpoint.address, attempts: attempts.tries };
      } catch (error) {
        await attempts.recover(error, route);
      }
    }
  }

  /** As {@link Caller.send}, for a write with an id: one whose outcome is not known can be sent again. */
  private async sendOnce<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    sending: Sending,
  ): Promise<Answered<UnaryCalls[M][1]>> {
    for (let renewals = 0; ; renewals += 1) {
      const ticket = this.sessions?.tryTake() ?? (await this.takeTicket(sending));
      try {
        return await this.send(method, { ...request, writeId: ticket.writeId }, sending);
      } catch (error) {
        if (!isClientError(error) || error.reason !== "SESSION_EXPIRED") throw error;
        // The cluster has forgotten it; what it did not do may be asked again under another name.
        ticket.lose();
        if (error.outcome === "unknown" || renewals >= MOST_RENEWALS) throw error;
        sending.attempts.restart();
      } finally {
        ticket.settle();
      }
    }
  }

  private async takeTicket({ scope, attempts }: Sending): Promise<WriteTicket> {
    if (this.sessions === undefined) throw new Error("assertion: there are sessions");
    try {
      return await this.sessions.take(scope);
    } catch (error) {
      if (scope.end !== undefined) throw attempts.ended("pausing");
      throw isClientError(error) ? withoutSession(error) : error;
    }
  }

  private async openSession(): Promise<Uint8Array> {
    const sending = this.sendingOf(this.options.timeoutMs);
    try {
      const request = { idleTimeoutMs: SESSION_IDLE_MS };
      const { answer } = await this.send("openSession", request, sending);
      return answer.sessionId;
    } finally {
      sending.scope.finish();
    }
  }

  private async closeSession(sessionId: Uint8Array): Promise<void> {
    const sending = this.sendingOf(CLOSE_MS);
    try {
      await this.send("closeSession", { sessionId }, sending);
    } catch {
      // See end().
    } finally {
      sending.scope.finish();
    }
  }

  /** Of a call that takes no slot: one that has one waits for it, or nobody does. */
  private sendingOf(timeoutMs: number): Sending {
    const scope = new CallScope(this.context.clock, timeoutMs, undefined, this.scopes);
    return { scope, attempts: new Attempts(this.context, scope, REPEATABLE_WRITE) };
  }

  private async queue(scope: CallScope, attempts: Attempts): Promise<void> {
    if (!this.limiter.hasRoom()) {
      const { maxQueuedCalls } = this.options;
      throw new ClientError({
        code: "CLIENT_OVERLOADED",
        outcome: "not-applied",
        message: `${maxQueuedCalls} calls wait in line already (maxQueuedCalls)`,
      });
    }
    try {
      await this.limiter.wait(scope.signal);
    } catch {
      throw attempts.ended("queued");
    }
  }
}

/** @throws TypeError, RangeError */
function hedgeTimeOf(options: HedgedOptions | undefined): number | undefined {
  const afterMs = options?.hedgeAfterMs;
  return afterMs === undefined ? undefined : checkTimeoutMs(afterMs, "hedgeAfterMs");
}

function keyspaceOf(request: object): string | undefined {
  const keyspace = "keyspace" in request ? request.keyspace : undefined;
  return typeof keyspace === "string" && keyspace !== "" ? keyspace : undefined;
}

/** The write was not sent for want of a session. */
function withoutSession(cause: ClientError): ClientError {
  const { code, message, reason, metadata, retryAfterMs, endpoint, attempts } = cause;
  return new ClientError({
    ...{ code, reason, metadata, retryAfterMs, endpoint, attempts, cause },
    outcome: "not-applied",
    message: `no session for the write: ${message}`,
  });
}
