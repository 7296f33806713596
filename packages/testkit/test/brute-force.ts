/** The slow, obvious twin of the checker: tries every order of effects. For a dozen operations at most. */
import type { Operation, Value } from "../src/history/operation.js";
import { step } from "../src/linearizability/register.js";

export function isLinearizableByBruteForce(
  operations: readonly Operation[],
  state?: Value,
): boolean {
  // Done when only operations are left that may never take effect.
  if (operations.every(({ answer }) => answer === undefined)) return true;
  return operations.some((next, at) => {
    const rest = operations.filter((_, place) => place !== at);
    if (rest.some(({ returnedAt }) => returnedAt < next.invokedAt)) return false;
    const after = step(state, next);
    return after !== "impossible" && isLinearizableByBruteForce(rest, after.state);
  });
}
