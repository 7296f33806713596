/**
 * Another twin of the checker, for histories of hundreds of operations: the depth-first search of Wing and Gong with Lowe's
 * memory of what was tried, and none of the shortcuts. What it finds is an order, and is checked as such.
 */
import type { Operation, Value } from "../src/history/operation.js";
import { step } from "../src/linearizability/register.js";

/** An order that explains all answers; undefined when there is none, `"undecided"` after `maxSteps`. */
export function findOrder(
  operations: readonly Operation[],
  maxSteps: number,
): readonly Operation[] | "undecided" | undefined {
  const byInvocation = [...operations].sort((a, b) => a.invokedAt - b.invokedAt);
  const answered = byInvocation.filter(({ answer }) => answer !== undefined).length;
  const tried = new Set<string>();
  interface Frame {
    readonly state: Value;
    readonly choices: Iterator<Operation>;
  }
  const taken = new Set<Operation>();
  const order: Operation[] = [];
  let answeredTaken = 0;
  let first = 0;
  const choices = function* (): Iterable<Operation> {
    let deadline = Number.POSITIVE_INFINITY;
    for (let at = first; at < byInvocation.length; at += 1) {
      const operation = byInvocation[at] as Operation;
      if (operation.invokedAt > deadline) return;
      if (taken.has(operation)) continue;
      if (operation.answer !== undefined) deadline = Math.min(deadline, operation.returnedAt);
      yield operation;
    }
  };
  const frames: Frame[] = [];
  let state: Value;
  const push = (): void => {
    // Never answered last: they are rarely needed.
    const all = [...choices()].sort((a, b) => a.returnedAt - b.returnedAt);
    frames.push({ state, choices: all[Symbol.iterator]() });
  };
  push();
  for (let steps = 0; steps < maxSteps; steps += 1) {
    if (answeredTaken === answered) return order;
    const frame = frames.at(-1);
    if (frame === undefined) return undefined;
    const { value: next, done } = frame.choices.next() as IteratorResult<Operation, undefined>;
    if (done === true || next === undefined) {
      frames.pop();
      const undone = order.pop();
      if (undone === undefined) return undefined;
      taken.delete(undone);
      if (undone.answer !== undefined) answeredTaken -= 1;
      first = 0;
      continue;
    }
    const after = step(frame.state, next);
    if (after === "impossible") continue;
    taken.add(next);
    while (first < byInvocation.length && taken.has(byInvocation[first] as Operation)) first += 1;
    const ids = byInvocation.flatMap((one, at) => (at >= first && taken.has(one) ? [at] : []));
    const configuration = `${first}|${ids.join()}|${after.state ?? "\0"}`;
    if (tried.has(configuration)) {
      taken.delete(next);
      first = 0;
      continue;
    }
    tried.add(configuration);
    order.push(next);
    if (next.answer !== undefined) answeredTaken += 1;
    state = after.state;
    push();
  }
  return "undecided";
}
