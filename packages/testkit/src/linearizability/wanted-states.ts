/** In which states somebody would notice an effect: all others need no moment of their own. */
import type { Operation, Value } from "../history/operation.js";

/** More than so many are as good as any. */
const MAX_STATES = 1_000;

export class WantedStates {
  readonly #states = new Set<Value>();
  /** Operations fit while the state is another. */
  readonly #avoided = new Set<Value>();
  #needsValue = false;
  #isAny = false;

  /**
   * @param answered under way, to be answered, no blind writes
   * @param unanswered never answered, no blind writes: they may lead to a state that another one needs
   */
  constructor(answered: Iterable<Operation>, unanswered: readonly Operation[]) {
    for (const operation of answered) this.#want(operation);
    const links = unanswered.filter(({ action }) => action.kind !== "get");
    // Each can be used once, so a chain of them is no longer than they are.
    for (let round = 0; round < links.length; round += 1) {
      const before = this.#states.size;
      for (const link of links) this.#wantBefore(link);
      if (this.#states.size === before || this.#isAny) break;
    }
  }

  /** The states that are wanted as such. */
  get states(): ReadonlySet<Value> {
    return this.#states;
  }

  /** Whether somebody wants only that it be another state. */
  isOtherWanted(state: Value): boolean {
    return this.#isAny || this.#avoided.has(state) || (this.#needsValue && state === undefined);
  }

  /** Whether going from one state to the other may matter. */
  isNoticed(before: Value, after: Value): boolean {
    if (this.#isAny || this.#states.has(after) || this.#avoided.has(before)) return true;
    return this.#needsValue && before === undefined && after !== undefined;
  }

  #want({ action, answer }: Operation): void {
    switch (action.kind) {
      case "get":
        this.#states.add(answer?.value);
        break;
      case "put":
        break;
      case "delete":
        if (answer?.existed === true) this.#needsValue = true;
        else this.#states.add(undefined);
        break;
      case "cas":
        if (answer?.applied === undefined) this.#isAny = true;
        else if (answer.applied) this.#states.add(action.expected);
        else if (answer.current === undefined) this.#avoided.add(action.expected);
        else this.#states.add(answer.current.value);
        break;
      case "increment":
        if (answer?.value === undefined) this.#isAny = true;
        else this.#wantNumber(Number(answer.value) - action.delta);
    }
  }

  #wantBefore({ action }: Operation): void {
    if (action.kind === "cas" && this.#states.has(action.value)) this.#states.add(action.expected);
    if (action.kind === "increment") {
      for (const state of [...this.#states]) {
        if (state !== undefined) this.#wantNumber(Number(state) - action.delta);
      }
    }
    if (this.#states.size > MAX_STATES) this.#isAny = true;
  }

  #wantNumber(value: number): void {
    if (!Number.isSafeInteger(value)) return;
    this.#states.add(String(value));
    if (value === 0) this.#states.add(undefined);
  }
}
