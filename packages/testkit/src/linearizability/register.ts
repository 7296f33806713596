/** What one key does, one operation after another: the specification that histories are checked against. */
import type { Action, Operation, Value } from "../history/operation.js";

const NUMBER = /^-?\d+$/;

/**
 * The state after the operation took effect in `state`; `"impossible"` when it cannot have been answered as it
 * was. An operation that was not answered is always possible: what does not fit has no effect.
 */
export function step(
  state: Value,
  { action, answer }: Pick<Operation, "action" | "answer">,
): { readonly state: Value } | "impossible" {
  switch (action.kind) {
    case "get":
      return answer !== undefined && answer.value !== state ? "impossible" : { state };
    case "put":
      return { state: action.value };
    case "delete": {
      const existed = answer?.existed;
      const isPossible = existed === undefined || existed === (state !== undefined);
      return isPossible ? { state: undefined } : "impossible";
    }
    case "cas": {
      const isMatch = state === action.expected;
      if (answer?.applied !== undefined && answer.applied !== isMatch) return "impossible";
      if (isMatch) return { state: action.value };
      const { current } = answer ?? {};
      return current !== undefined && current.value !== state ? "impossible" : { state };
    }
    case "increment": {
      const next = incremented(state, action.delta);
      if (answer === undefined) return { state: next ?? state };
      if (next === undefined) return "impossible";
      return answer.value !== undefined && answer.value !== next ? "impossible" : { state: next };
    }
  }
}

function incremented(state: Value, delta: number): Value {
  if (state !== undefined && !NUMBER.test(state)) return undefined;
  return String(Number(state ?? "0") + delta);
}

/** The value that the operation leaves whatever was there before; `"depends"` when that is no such operation. */
export function blindWriteOf({
  action,
  answer,
}: Pick<Operation, "action" | "answer">): { readonly value: Value } | "depends" {
  if (action.kind === "put") return { value: action.value };
  if (action.kind === "delete" && answer?.existed === undefined) return { value: undefined };
  return "depends";
}

/** Whether the operation, answered as it was, leaves the state as it is wherever it fits. */
export function isObserver({ action, answer }: Pick<Operation, "action" | "answer">): boolean {
  return (
    action.kind === "get" ||
    (action.kind === "cas" && answer?.applied === false) ||
    (action.kind === "delete" && answer?.existed === false)
  );
}

/** For people. */
export function describeAction(action: Action): string {
  switch (action.kind) {
    case "get":
      return "get";
    case "put":
      return `put ${action.value}`;
    case "delete":
      return "delete";
    case "cas":
      return `cas ${describeValue(action.expected)} → ${describeValue(action.value)}`;
    case "increment":
      return `increment ${action.delta}`;
  }
}

export function describeValue(value: Value): string {
  return value ?? "(none)";
}
