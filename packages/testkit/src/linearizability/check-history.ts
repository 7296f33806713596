/** Checks whole histories, key by key: a history is linearizable when that of every key is (Herlihy and Wing, 1990). */
import type { Operation } from "../history/operation.js";
import { type CheckLimits, checkKey } from "./check-key.js";
import { type Counterexample, shrink } from "./shrink.js";

/** What a check found. */
export interface HistoryVerdict {
  readonly isLinearizable: boolean;
  /** One per key whose answers no order explains. */
  readonly violations: readonly Counterexample[];
  /** Keys whose history has more possibilities than the limits allow: nothing is known of them. */
  readonly undecided: readonly string[];
  readonly keys: number;
  readonly operations: number;
}

/**
 * `isLinearizable` only when every key was decided.
 * @param operations of any keys, in any order
 */
export function checkHistory(
  operations: readonly Operation[],
  limits: CheckLimits = {},
): HistoryVerdict {
  const byKey = new Map<string, Operation[]>();
  for (const operation of operations) {
    const same = byKey.get(operation.key);
    if (same === undefined) byKey.set(operation.key, [operation]);
    else same.push(operation);
  }
  const violations: Counterexample[] = [];
  const undecided: string[] = [];
  for (const [key, ofKey] of byKey) {
    const verdict = checkKey(ofKey, limits);
    if (verdict.type === "undecided") undecided.push(key);
    if (verdict.type === "violation") {
      violations.push(shrink(ofKey, verdict.failed, verdict.since, limits));
    }
  }
  return {
    isLinearizable: violations.length === 0 && undecided.length === 0,
    violations,
    undecided,
    keys: byKey.size,
    operations: operations.length,
  };
}
