/** Code of the user's around each call: to measure, to trace, to log, to hold back or to refuse. */
import type { UnaryCalls } from "./ports.js";

/** A call, before it is sent. */
export interface InterceptedCall {
  /** As in the contract: `"put"`, `"get"`, `"compareAndSet"` (`cas`), `"getStatus"`, … */
  readonly method: keyof UnaryCalls;
  /** Name of the keyspace; undefined for the default one and for calls that are about none. */
  readonly keyspace: string | undefined;
  /** The key, or the first one of several; undefined for calls that have none. Not to be changed. */
  readonly key: Uint8Array | undefined;
  /** Milliseconds that it may take. */
  readonly timeoutMs: number;
}

/** A call that was answered. */
export interface CallSummary {
  /** `host:port` of the node that answered. */
  readonly endpoint: string;
  /** How often it was tried; at least 1. */
  readonly attempts: number;
}

/**
 * Runs around each call that has one answer; scans and watches are not intercepted. Has to call `next` once, or throw: what
 * it throws the call rejects with, and nothing is sent. `next` rejects with what the call fails with, which is a
 * {@link ClientError} or what an interceptor further in has made of it; the call fails with that also where it is not passed on. The call's deadline begins with `next`.
 */
export type Interceptor = (
  call: InterceptedCall,
  next: () => Promise<CallSummary>,
) => Promise<unknown>;

/** What a call comes to within the client. */
export interface Answered<Answer> extends CallSummary {
  readonly answer: Answer;
}

/**
 * Makes a call within its interceptors, the first one outermost.
 * @throws TypeError when one of them has resolved without a call, or called twice; what they and the call throw
 */
export async function intercept<Answer>(
  interceptors: readonly Interceptor[],
  call: InterceptedCall,
  make: () => Promise<Answered<Answer>>,
): Promise<Answered<Answer>> {
  let made: Promise<Answered<Answer>> | undefined;
  let innermost = async (): Promise<CallSummary> => {
    if (made !== undefined) throw new TypeError("an interceptor called `next` twice");
    made = make();
    const { endpoint, attempts } = await made;
    return { endpoint, attempts };
  };
  for (const interceptor of interceptors.toReversed()) {
    const next = innermost;
    innermost = async () => (await interceptor(call, next)) as CallSummary;
  }
  await innermost();
  if (made === undefined) throw new TypeError("an interceptor did not call `next`");
  // Also what an interceptor has hidden, or not waited for.
  return made;
}
