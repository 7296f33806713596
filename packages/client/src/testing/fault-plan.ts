/** What is to go wrong: failures of the next calls, and how long answers take. */
import type { ErrorReason } from "@titan/proto";
import type { RpcFailure, UnaryCalls } from "../ports.js";
import { connectionLost, failureOf, Refusal } from "./refusal.js";

/** A call as it goes over the wire. `cas` is `compareAndSet`, `lock` too; `getMany` are several `get`. */
export type TestMethod = keyof UnaryCalls | "scan" | "watch";

/** A failure of calls to come. */
export interface TestFailure {
  /** Only calls of this method. @default any */
  readonly method?: TestMethod | undefined;
  /**
   * What the server says, as `ErrorReason` of `@titan/proto`; the error's `code` follows from it: `"DISK_FULL"` is
   * `CLIENT_RESOURCE_EXHAUSTED`. @default it says nothing: the connection breaks
   */
  readonly reason?: ErrorReason | undefined;
  /**
   * What becomes of a write: `"not-applied"`: it is not done, and the client knows that. `"applied"`: it is done, and the
   * client does not know: the error says `unknown`. `"unknown"`: it is not done, and the client does not know either.
   * @default "not-applied" with a reason, else "unknown"
   */
  readonly outcome?: "applied" | "not-applied" | "unknown" | undefined;
  /** So many calls, retries included; `Infinity`: all until `clear()`. @default 1 */
  readonly times?: number | undefined;
}

/** Calls that change nothing. */
const READS: ReadonlySet<TestMethod> = new Set<TestMethod>([
  ...(["get", "scan", "watch", "getStatus", "listKeyspaces"] as const),
]);

export function isWrite(method: TestMethod): boolean {
  return !READS.has(method);
}

/** A failure that a call has met. */
export interface MetFailure {
  /** Whether the call is done before it fails. */
  readonly isApplied: boolean;
  readonly error: RpcFailure;
}

export class FaultPlan {
  private planned: { readonly failure: TestFailure; left: number }[] = [];
  /** Of every answer. */
  delayMs = 0;

  add(failure: TestFailure): void {
    this.planned.push({ failure, left: failure.times ?? 1 });
  }

  clear(): void {
    this.planned = [];
    this.delayMs = 0;
  }

  /** The failure that the next call of this method meets; those that were planned first come first. */
  take(method: TestMethod): MetFailure | undefined {
    const next = this.planned.find(({ failure }) => (failure.method ?? method) === method);
    if (next === undefined) return undefined;
    next.left -= 1;
    if (next.left <= 0) this.planned = this.planned.filter((one) => one !== next);
    const { reason } = next.failure;
    const { outcome = reason === undefined ? "unknown" : "not-applied" } = next.failure;
    const isKnown = outcome === "not-applied";
    const refusal =
      reason &&
      new Refusal(reason, `${reason}, as the test asked`, {}, isKnown ? "not-applied" : "unknown");
    return {
      isApplied: outcome === "applied",
      error: refusal ? failureOf(refusal, isWrite(method)) : connectionLost(isKnown),
    };
  }
}
