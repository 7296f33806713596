/** A counterexample as text: one line per operation, with its span on a time line. */
import type { Operation } from "../history/operation.js";
import { describeAction, describeValue } from "./register.js";
import type { Counterexample } from "./shrink.js";

const MAX_COLUMNS = 48;

export function renderCounterexample(example: Counterexample): string {
  const { key, initial, operations, failed } = example;
  const times = [
    ...new Set(operations.flatMap(({ invokedAt, returnedAt }) => [invokedAt, returnedAt])),
  ].sort((a, b) => a - b);
  const scale = Math.min(1, MAX_COLUMNS / Math.max(1, times.length * 2));
  const columnOf = (time: number): number => Math.floor(times.indexOf(time) * 2 * scale);
  const width = columnOf(times.at(-1) ?? 0) + 2;
  const rows = operations.map((operation) => {
    const isFailed = operation.id === failed.id;
    const text = `${describeAction(operation.action)} → ${describeAnswer(operation)}`;
    return {
      bar: barOf(operation, columnOf, width),
      process: operation.process,
      text: isFailed ? `${text}   ← cannot be explained` : text,
    };
  });
  const processWidth = Math.max(...rows.map(({ process }) => process.length));
  const lines = rows.map(
    ({ bar, process, text }) => `  ${bar}  ${process.padEnd(processWidth)}  ${text}`,
  );
  return [
    `key ${key}, which held ${describeValue(initial)}: no order of these operations explains their answers`,
    ...lines,
  ].join("\n");
}

function barOf(
  { invokedAt, returnedAt }: Operation,
  columnOf: (time: number) => number,
  width: number,
): string {
  const isEndless = returnedAt === Number.POSITIVE_INFINITY;
  const begin = columnOf(invokedAt);
  const end = isEndless ? width - 1 : Math.max(begin + 1, columnOf(returnedAt));
  const body = "─".repeat(Math.max(0, end - begin - 1));
  return `${" ".repeat(begin)}├${body}${isEndless ? "…" : "┤"}`.padEnd(width);
}

function describeAnswer({ action, answer }: Operation): string {
  if (answer === undefined) return "unknown";
  switch (action.kind) {
    case "get":
      return describeValue(answer.value);
    case "put":
      return "done";
    case "delete":
      if (answer.existed === undefined) return "done";
      return answer.existed ? "existed" : "was not there";
    case "cas": {
      if (answer.applied === true) return "applied";
      const { current } = answer;
      return current === undefined ? "refused" : `refused, holds ${describeValue(current.value)}`;
    }
    case "increment":
      return describeValue(answer.value);
  }
}
