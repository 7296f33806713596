/**
 * The tries of one call: where the next one goes, whether there is one, and with what error it ends.
 *
 *     route() ──connection──▶ send ──failure──▶ recover() ──▶ route() …
 *        │                                         │
 *        └── throws ClientError                    └── throws ClientError
 *
 * Invariants: at most `maxAttempts` tries; a retry of a call that reached a server takes a token of the
 * budget; a write whose outcome is unknown is sent again only when the caller said so; once any try of
 * a write had an unknown outcome, the error of the call says "unknown".
 */
import { fullJitterMs } from "./backoff.js";
import type { CallScope } from "./call-scope.js";
import type { EndpointPool, Route } from "./endpoint-pool.js";
import { ClientError, type ClientErrorInit, type Outcome } from "./errors.js";
import { type CallNature, judge, toClientError } from "./failure-mapping.js";
import type { LeaderRoutes } from "./leader-routes.js";
import type { Logger } from "./log.js";
import { type Clock, type Random, RpcFailure } from "./ports.js";
import type { RetryBudget } from "./retry-budget.js";

/** What all calls of a client share. */
export interface CallContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly pool: EndpointPool;
  readonly routes: LeaderRoutes;
  readonly budget: RetryBudget;
  readonly logger: Logger;
  readonly retry: { readonly maxAttempts: number; readonly baseMs: number; readonly maxMs: number };
}

/** Where a call is to be made; anywhere without either. */
export interface Destination {
  /** Address of the only endpoint that will do; it is tried once. */
  readonly target?: string | undefined;
  /** The leader of this key's shard does it best. */
  readonly key?: Uint8Array | undefined;
}

export class Attempts {
  private count = 0;
  private last: ClientError | undefined;
  private uncertain = false;
  private sentAtMs = 0;
  private lastEndpoint: string | undefined;

  constructor(
    private readonly context: CallContext,
    private readonly scope: CallScope,
    private readonly nature: CallNature,
    private readonly destination: Destination = {},
  ) {}

  /** Where to send the next try. Must be followed by sending it. */
  route(): Route | Promise<Route> {
    const { target, key } = this.destination;
    const route = target === undefined ? this.context.routes.current(key) : undefined;
    if (route === undefined) return this.connect();
    this.begin(route);
    return route;
  }

  /** The try on `route` succeeded. */
  succeeded(route: Route): void {
    route.link.heard();
    this.context.budget.refill();
    this.context.routes.succeeded(route);
  }

  /** The tries so far got somewhere: what follows counts anew. */
  restart(): void {
    this.count = 0;
    this.last = undefined;
  }

  /** The try on `route` failed with `error`: resolves when it is time for the next one, or throws. */
  async recover(error: unknown, route: Route): Promise<void> {
    const { scope, context } = this;
    const endpoint = route.link.endpoint.address;
    if (scope.end !== undefined) {
      // Its server may be gone without a word: find out anew.
      if (scope.end.kind === "timeout" && this.metSilence(route)) {
        route.link.broke(route.connection, "silent until the deadline of a call");
        context.routes.failed(route);
      }
      throw this.ended("sent", endpoint);
    }
    if (!(error instanceof RpcFailure)) throw this.defect(error, endpoint);

    const verdict = judge(error, this.nature);
    if (verdict.endpoint === "broken") route.link.broke(route.connection, error.message);
    else route.link.heard();
    if (verdict.endpoint !== "fine") {
      context.pool.turnFrom(route.link);
      if (verdict.endpoint === "broken") context.routes.failed(route);
      else context.routes.turnedAway(this.destination.key);
    }
    const outcome = this.outcomeWith(verdict.outcome);
    this.last = toClientError(error, { ...verdict, outcome }, { endpoint, attempts: this.count });
    if (!verdict.retry || this.count >= context.retry.maxAttempts) throw this.last;

    const jitterMs = fullJitterMs(context.random, this.count, context.retry);
    const delayMs = Math.max(error.retryAfterMs ?? 0, jitterMs);
    // Waiting past the deadline would only hide why the call failed.
    if (delayMs >= scope.remainingMs() || !context.budget.take()) throw this.last;
    this.logRetry(this.last, delayMs);
    if (delayMs > 0) await this.wait(delayMs);
  }

  private logRetry({ code, message, endpoint, attempts }: ClientError, delayMs: number): void {
    const level = "debug";
    this.context.logger({ level, event: "retry", message, endpoint, code, attempts, delayMs });
  }

  /** How often it was tried. */
  get tries(): number {
    return this.count;
  }

  /** Address of the endpoint of the last try, if there was one. */
  get endpoint(): string | undefined {
    return this.lastEndpoint;
  }

  /** The error of a call that ended from this side while it was waiting for something. */
  ended(phase: "queued" | "connecting" | "pausing" | "sent", endpoint?: string): ClientError {
    const { scope, count, last } = this;
    const sent = phase === "sent" && this.nature.writes;
    const outcome = this.outcomeWith(sent ? "unknown" : "not-applied");
    const init = { outcome, endpoint, attempts: count, cause: scope.end?.cause ?? last };
    const kind = scope.end?.kind;
    if (kind === "closed") return closedError(init);
    if (kind !== "aborted") return this.timedOut(phase, init);
    return new ClientError({ ...init, code: "CLIENT_ABORTED", message: "the call was aborted" });
  }

  private timedOut(phase: string, init: Omit<ClientErrorInit, "code" | "message">): ClientError {
    const within = `within ${this.scope.timeoutMs} ms`;
    if (phase === "sent") {
      const message = `${init.endpoint ?? "the server"} did not answer ${within}`;
      return new ClientError({ ...init, code: "CLIENT_TIMEOUT", message });
    }
    if (phase === "queued") {
      const message = `no turn ${within}: too many calls at once`;
      return new ClientError({ ...init, code: "CLIENT_TIMEOUT", message });
    }
    if (this.last !== undefined) return this.last;
    return new ClientError({
      ...init,
      code: "CLIENT_UNAVAILABLE",
      message: `no connection ${within}`,
    });
  }

  /**
   * Whether nothing was heard from the server for most of the call's time. A call that stood in line until
   * shortly before its deadline says nothing about the server.
   */
  private metSilence({ link }: Route): boolean {
    const sentForMs = this.context.clock.monotonicMs() - this.sentAtMs;
    return link.heardAtMs < this.sentAtMs && 2 * sentForMs >= this.scope.timeoutMs;
  }

  private begin({ link }: Route): void {
    this.count += 1;
    this.sentAtMs = this.context.clock.monotonicMs();
    this.lastEndpoint = link.endpoint.address;
    link.asked(this.sentAtMs);
  }

  private async connect(): Promise<Route> {
    const { target } = this.destination;
    for (;;) {
      try {
        const route = await this.scope.race(this.dial());
        this.begin(route);
        return route;
      } catch (error) {
        if (this.scope.end !== undefined) throw this.ended("connecting");
        this.count += 1;
        this.last = new ClientError({
          code: "CLIENT_UNAVAILABLE",
          outcome: this.outcomeWith("not-applied"),
          message: error instanceof Error ? error.message : String(error),
          endpoint: target,
          attempts: this.count,
          cause: error,
        });
        // The pool spaces its attempts, and all calls share them: no wait and no token here.
        const mayRetry = target === undefined && this.count < this.context.retry.maxAttempts;
        if (!mayRetry) throw this.last;
      }
    }
  }

  private dial(): Promise<Route> {
    const { pool } = this.context;
    const { target } = this.destination;
    return (target === undefined ? undefined : pool.routeTo(target)) ?? pool.connect();
  }

  private async wait(delayMs: number): Promise<void> {
    try {
      await this.scope.sleep(delayMs);
    } catch {
      throw this.ended("pausing");
    }
  }

  private outcomeWith(outcome: Outcome): Outcome {
    this.uncertain ||= outcome === "unknown";
    return this.uncertain ? "unknown" : "not-applied";
  }

  /** The transport threw something that it should not. */
  private defect(cause: unknown, endpoint: string): ClientError {
    return new ClientError({
      code: "CLIENT_INTERNAL",
      outcome: this.outcomeWith(this.nature.writes ? "unknown" : "not-applied"),
      message: `${endpoint}: ${cause instanceof Error ? cause.message : String(cause)}`,
      endpoint,
      attempts: this.count,
      cause,
    });
  }
}

/** The error of calls on a client that is closed, or was closed under them. */
export function closedError(init?: Partial<ClientErrorInit>): ClientError {
  const message = "the client is closed";
  return new ClientError({ outcome: "not-applied", ...init, code: "CLIENT_CLOSED", message });
}
