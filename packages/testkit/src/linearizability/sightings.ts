/** Until when the values of a history are of interest to somebody. */
import type { Operation, Value } from "../history/operation.js";

const NUMBER = /^-?\d+$/;

export class Sightings {
  readonly #lastAt = new Map<Value, number>();
  /** Any number may be added to, by one that did not tell. */
  #areNumbersSeen = false;

  constructor(operations: readonly Operation[]) {
    for (const { action, answer, returnedAt } of operations) {
      if (action.kind === "get") this.#see(answer?.value, returnedAt);
      if (answer?.current !== undefined) this.#see(answer.current.value, returnedAt);
      if (action.kind === "cas") this.#see(action.expected, returnedAt);
      if (action.kind !== "increment") continue;
      if (answer?.value === undefined) this.#areNumbersSeen = true;
      else this.#see(String(Number(answer.value) - action.delta), returnedAt);
    }
  }

  /** Whether an operation that is answered later than `time`, or never, depends on this very value. */
  isSeenAfter(value: Value, time: number): boolean {
    if (value === undefined || (this.#areNumbersSeen && NUMBER.test(value))) return true;
    return (this.#lastAt.get(value) ?? -1) >= time;
  }

  #see(value: Value, at: number): void {
    if (at > (this.#lastAt.get(value) ?? -1)) this.#lastAt.set(value, at);
  }
}
