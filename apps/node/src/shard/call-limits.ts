/** Keeping to the limits of a call. */
import type { Clock } from "@titan/bitcask";
import { KvError, type Outcome } from "../kv/kv-error.js";
import type { CallLimits } from "./shard-replica.js";

/** The error of a call whose time is up. */
export function timedOut(outcome: Outcome): KvError {
  const message = "the shard did not answer in the time that was given";
  return new KvError({ code: "TIMED_OUT", message, outcome });
}

/** `TIMED_OUT` when no time was left at the call, or it was cancelled before. */
export function limitsRefusal({ timeoutMs, signal }: CallLimits): KvError | undefined {
  return timeoutMs > 0 && signal?.aborted !== true ? undefined : timedOut("not-applied");
}

/** @throws KvError as {@link limitsRefusal} says */
export function checkLimits(limits: CallLimits): void {
  const refusal = limitsRefusal(limits);
  if (refusal !== undefined) throw refusal;
}

/** As `promise`, but rejects as soon as the call is cancelled: nobody waits for it any more. */
export function unlessCancelled<Result>(
  promise: Promise<Result>,
  { signal }: CallLimits,
  outcome: Outcome,
): Promise<Result> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const cancel = (): void => reject(timedOut(outcome));
    signal.addEventListener("abort", cancel, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", cancel));
  });
}

/** Resolves after `delayMs`, or when `until` calls what it is given, or the call is cancelled. */
export function waitFor(
  clock: Pick<Clock, "schedule">,
  delayMs: number,
  signal: AbortSignal | undefined,
  until: (wake: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      cancelTimer();
      cancelUntil();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancelTimer = clock.schedule(delayMs, end);
    const cancelUntil = until(end);
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted === true) end();
  });
}
