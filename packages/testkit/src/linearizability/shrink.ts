/** Makes a violation small enough to be read. */
import type { Operation, Value } from "../history/operation.js";
import { type Beginning, type CheckLimits, checkKey } from "./check-key.js";
import { isObserver } from "./register.js";

/** A violation with little around it. */
export interface Counterexample {
  readonly key: string;
  /** What the key held when it begins. */
  readonly initial: Value;
  /** By invocation. No order of them explains all answers. */
  readonly operations: readonly Operation[];
  /** The one whose answer cannot be explained. */
  readonly failed: Operation;
}

/** Checks at most so many smaller histories. */
const MAX_CHECKS = 2_000;

/**
 * Leaves out what is not needed for the violation. Only what makes the history weaker is done, so that what is left
 * is as impossible as the whole: an operation that looks is left out; a write is taken as one that was never
 * answered, which may be left out too as it may never take effect – but is kept when its value was seen.
 */
export function shrink(
  all: readonly Operation[],
  failed: Operation,
  since: Beginning,
  limits: CheckLimits = {},
): Counterexample {
  const isRelevant = (operation: Operation): boolean =>
    operation.invokedAt >= since.time && operation.invokedAt < failed.returnedAt;
  // What was under way when it failed counts for what it may have done, not for what it saw later.
  const window = [...since.carried, ...all.filter(isRelevant)].filter(
    (operation) => operation.returnedAt <= failed.returnedAt || !isObserver(operation),
  );
  const beginning = { state: since.state, time: 0, carried: [] };
  const budget = { checks: MAX_CHECKS };
  const isViolation = (operations: readonly Operation[]): boolean => {
    budget.checks -= 1;
    return checkKey(operations, limits, beginning).type === "violation";
  };
  let kept: readonly Operation[] = window;
  const reduce = (change: (operation: Operation) => readonly Operation[]): void => {
    for (let size = kept.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < kept.length && budget.checks > 0; ) {
        const part = kept.slice(at, at + size);
        const changed = part.flatMap((one) => (one.id === failed.id ? [one] : change(one)));
        const smaller = [...kept.slice(0, at), ...changed, ...kept.slice(at + size)];
        const isChanged =
          changed.length < part.length || changed.some((one, place) => one !== part[place]);
        if (isChanged && isViolation(smaller)) {
          kept = smaller;
          at += changed.length;
        } else at += size;
      }
    }
  };
  reduce((operation) => (isObserver(operation) ? [] : [operation]));
  reduce((operation) => (isSeen(operation, kept) ? [operation] : []));
  reduce((operation) => (isObserver(operation) ? [operation] : [asUnanswered(operation)]));
  kept = kept.filter((one) => one.answer !== undefined || isSeen(one, kept));
  const operations = [...kept].sort((a, b) => a.invokedAt - b.invokedAt);
  const verdict = checkKey(operations, limits, beginning);
  const failedNow = verdict.type === "violation" ? verdict.failed : failed;
  return { key: failed.key, initial: since.state, operations, failed: failedNow };
}

function asUnanswered(operation: Operation): Operation {
  if (operation.answer === undefined) return operation;
  return { ...operation, returnedAt: Number.POSITIVE_INFINITY, answer: undefined };
}

/** Whether one of the others saw, or waited for, what the operation wrote. */
function isSeen(operation: Operation, others: readonly Operation[]): boolean {
  const written = writtenBy(operation);
  return others.some((other) => {
    if (other === operation) return false;
    const { action, answer } = other;
    const seen = [answer?.value, answer?.current?.value];
    if (action.kind === "cas") seen.push(action.expected);
    if (action.kind === "increment" && answer?.value !== undefined) {
      seen.push(String(Number(answer.value) - action.delta));
    }
    return written !== undefined && seen.includes(written);
  });
}

function writtenBy({ action, answer }: Operation): Value {
  switch (action.kind) {
    case "put":
    case "cas":
      return action.value;
    case "increment":
      return answer?.value;
    case "get":
    case "delete":
      return undefined;
  }
}
