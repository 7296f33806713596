/** Makes calls: bounded in number and time, retried where safe, each settled with a typed error. */
import { Attempts, type CallContext, closedError } from "./attempts.js";
import { CallLimiter } from "./call-limiter.js";
import { CallScope } from "./call-scope.js";
import { EndpointPool } from "./endpoint-pool.js";
import { ClientError } from "./errors.js";
import type { CallNature } from "./failure-mapping.js";
import { checkTimeoutMs, type ResolvedOptions } from "./options.js";
import type { ClientPorts, UnaryCalls } from "./ports.js";
import type { CallOptions } from "./requests.js";
import { RetryBudget } from "./retry-budget.js";

/** A call that changes nothing. */
export const READ: CallNature = { writes: false, retryUnknown: false };
/** A call that must not happen twice. */
export const WRITE: CallNature = { writes: true, retryUnknown: false };
/** A write that the caller allows to happen twice. */
export const REPEATABLE_WRITE: CallNature = { writes: true, retryUnknown: true };

export class Caller {
  readonly context: CallContext;
  private readonly limiter: CallLimiter;
  private readonly scopes = new Set<CallScope>();
  private isClosed = false;

  constructor(
    private readonly options: ResolvedOptions,
    ports: ClientPorts,
  ) {
    const { retry } = options;
    this.limiter = new CallLimiter(options.maxConcurrentCalls, options.maxQueuedCalls);
    this.context = {
      clock: ports.clock,
      random: ports.random,
      pool: new EndpointPool(options.endpoints, ports, options.connectTimeoutMs),
      budget: new RetryBudget(retry.budget),
      retry: { maxAttempts: retry.maxAttempts, baseMs: retry.baseDelayMs, maxMs: retry.maxDelayMs },
    };
  }

  /**
   * Makes one call.
   * @param target address of the only endpoint that will do
   * @returns the answer, and the address of the endpoint that gave it
   */
  async call<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    nature: CallNature,
    options: CallOptions | undefined,
    target?: string,
  ): Promise<{ readonly answer: UnaryCalls[M][1]; readonly endpoint: string }> {
    const scope = this.openScope(options);
    const attempts = new Attempts(this.context, scope, nature, target);
    let hasSlot = false;
    try {
      if (scope.end !== undefined) throw attempts.ended("queued");
      if (!this.limiter.tryAcquire()) await this.queue(scope, attempts);
      hasSlot = true;
      // The deadline's timer may be due and not have fired. What is sent now could only end as "unknown".
      if (scope.remainingMs() <= 0) throw attempts.ended("queued");
      for (;;) {
        const routing = attempts.route();
        const route = routing instanceof Promise ? await routing : routing;
        try {
          const { connection } = route;
          const answer = await connection.call(method, request, scope.signal, scope.remainingMs());
          attempts.succeeded(route);
          return { answer, endpoint: route.link.endpoint.address };
        } catch (error) {
          await attempts.recover(error, route);
        }
      }
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
    if (this.isClosed) throw closedError();
    const timeoutMs = checkTimeoutMs(options?.timeoutMs ?? this.options.timeoutMs, "timeoutMs");
    const signal = options?.signal;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError("signal must be an AbortSignal");
    }
    return new CallScope(this.context.clock, timeoutMs, signal, this.scopes);
  }

  /** Ends everything under way. Idempotent. */
  close(): void {
    this.isClosed = true;
    for (const scope of this.scopes) scope.close();
    this.context.pool.close();
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
