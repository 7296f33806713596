/**
 * Decides whether the history of one key is linearizable: whether every operation can have taken effect at one
 * moment between its invocation and its answer, one after another.
 *
 * The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993) in the just-in-time
 * form, with memory of configurations, of Lowe ("Testing for linearizability", 2017): it goes through invocations and answers
 * in order and keeps the set of configurations, each a state and which of the operations under way have
 * taken effect. At an answer only those survive that can have that operation take effect by then. So work grows
 * with the number of operations times what was concurrent, not exponentially with the history.
 *
 * What keeps the set small, all without losing an order (each is checked against a slow twin in the tests):
 * - an operation that only looks takes effect as soon as it fits;
 * - a put that nobody sees has no moment of its own, see `Configuration.absorbed`;
 * - an operation that was never answered takes effect only when somebody could tell.
 */
import type { Operation, Value } from "../history/operation.js";
import { type Configuration, ConfigurationSet } from "./configurations.js";
import { type Pending, PendingOperations } from "./pending-operations.js";
import { step } from "./register.js";
import { Sightings } from "./sightings.js";

/** Where a check may begin. */
export interface Beginning {
  readonly state: Value;
  /** Events of the history before this time are left out. */
  readonly time: number;
  /** Begun before, never answered, may still take effect. */
  readonly carried: readonly Operation[];
}

export type KeyVerdict =
  | { readonly type: "linearizable" }
  /** No order explains the answer of `failed`; all before it can be explained. */
  | {
      readonly type: "violation";
      readonly failed: Operation;
      /** A moment shortly before it at which there was only one possibility. */
      readonly since: Beginning;
    }
  /** More possibilities than there is memory for. */
  | { readonly type: "undecided"; readonly at: Operation };

/** From nothing. */
export const FROM_NOTHING: Beginning = { state: undefined, time: 0, carried: [] };

export interface CheckLimits {
  /** Configurations held at once at most; beyond it a check is undecided. @default 100_000 */
  readonly maxConfigurations?: number;
}

const DEFAULT_MAX_CONFIGURATIONS = 100_000;
/** Enough for a counterexample to show what led to it. */
const KEPT_BEGINNINGS = 8;

/** @param operations of one key, in any order */
export function checkKey(
  operations: readonly Operation[],
  limits: CheckLimits = {},
  beginning: Beginning = FROM_NOTHING,
): KeyVerdict {
  const max = limits.maxConfigurations ?? DEFAULT_MAX_CONFIGURATIONS;
  const search = new Search(new Sightings(operations), beginning, max);
  for (const { operation, isReturn } of eventsOf(operations, beginning.time)) {
    if (!isReturn) {
      search.invoke(operation);
      continue;
    }
    const verdict = search.return(operation);
    if (verdict !== undefined) return verdict;
  }
  return { type: "linearizable" };
}

interface Event {
  readonly time: number;
  readonly operation: Operation;
  readonly isReturn: boolean;
}

function eventsOf(operations: readonly Operation[], fromTime: number): readonly Event[] {
  const events: Event[] = [];
  for (const operation of operations) {
    const { invokedAt, returnedAt } = operation;
    if (invokedAt < fromTime) continue;
    events.push({ time: invokedAt, operation, isReturn: false });
    // What is never answered need never take effect, so there is no moment at which it has to.
    if (operation.answer !== undefined) {
      events.push({ time: returnedAt, operation, isReturn: true });
    }
  }
  return events.sort((a, b) => a.time - b.time);
}

/** A configuration reached on the way to an answer. */
interface Reached {
  readonly configuration: Configuration;
  /** Reached by a blind write that nobody has looked at: another one right after it would be for nothing. */
  readonly isUnseen: boolean;
}

class Search {
  readonly #pending: PendingOperations;
  readonly #maxConfigurations: number;
  #configurations = new ConfigurationSet();
  /** The last few moments with only one possibility, oldest first. */
  readonly #beginnings: Beginning[];

  constructor(sightings: Sightings, beginning: Beginning, maxConfigurations: number) {
    this.#pending = new PendingOperations(sightings);
    this.#beginnings = [beginning];
    this.#maxConfigurations = maxConfigurations;
    this.#configurations.add({ state: beginning.state, done: 0n, absorbed: 0n, spent: 0n });
    for (const operation of beginning.carried) this.#pending.add(operation);
  }

  invoke(operation: Operation): void {
    this.#pending.add(operation);
  }

  return(operation: Operation): KeyVerdict | undefined {
    const target = this.#pending.get(operation);
    const survivors = this.#reach(target);
    if (survivors === undefined) return { type: "undecided", at: operation };
    this.#pending.remove(target);
    if (survivors.size === 0) {
      const [since = FROM_NOTHING] = this.#beginnings;
      return { type: "violation", failed: operation, since };
    }
    this.#configurations = survivors;
    const [only, ...others] = survivors.size === 1 ? survivors : [];
    if (only !== undefined && others.length === 0 && this.#pending.answeredCount === 0) {
      const carried = this.#pending.unspent(only.spent);
      this.#beginnings.push({ state: only.state, time: operation.returnedAt, carried });
      if (this.#beginnings.length > KEPT_BEGINNINGS) this.#beginnings.shift();
    }
    return undefined;
  }

  /** All that can be after `target` took effect, without going further than that. Undefined: too much. */
  #reach(target: Pending): ConfigurationSet | undefined {
    const reached = new ConfigurationSet();
    const seen = new ConfigurationSet();
    const stack: Reached[] = [];
    const visit = (configuration: Configuration, isBlind: boolean): void => {
      const after = this.#look(configuration);
      const isUnseen = isBlind && after.done === configuration.done;
      if ((after.done & target.bit) !== 0n) reached.add(without(after, target.bit));
      else if (seen.add(after)) stack.push({ configuration: after, isUnseen });
    };
    for (const configuration of this.#configurations) visit(configuration, false);
    const wanted = this.#pending.wantedStates();
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      if (reached.size + seen.size > this.#maxConfigurations) return undefined;
      const { configuration, isUnseen } = top;
      if ((configuration.absorbed & target.bit) !== 0n) {
        reached.add(without(configuration, target.bit));
      }
      const now = target.operation.returnedAt;
      for (const next of this.#pending.candidates(configuration, wanted, now)) {
        if (next.isBlind && isUnseen) continue;
        const after = this.#take(configuration, next);
        if (after === undefined) continue;
        const isNeeded = next === target || (next.isAnswered && !next.isBlind);
        if (isNeeded || wanted.isNoticed(configuration.state, after.state)) {
          visit(after, next.isBlind);
        }
      }
    }
    return reached;
  }

  /** The configuration after `next` took effect; undefined when it cannot, has already, or would make no difference. */
  #take(configuration: Configuration, next: Pending): Configuration | undefined {
    const { state, done, absorbed, spent } = configuration;
    if (((next.isAnswered ? done : spent) & next.bit) !== 0n) return undefined;
    const after = step(state, next.operation);
    if (after === "impossible") return undefined;
    const doneAfter = next.isAnswered ? done | next.bit : done;
    const absorbedAfter = (absorbed | this.#hiddenBy(next, state)) & ~doneAfter;
    const isChange = after.state !== state || absorbedAfter !== absorbed;
    if (!next.isAnswered && !isChange) return undefined;
    return {
      state: after.state,
      done: doneAfter,
      absorbed: absorbedAfter,
      spent: next.isAnswered ? spent : spent | next.bit,
    };
  }

  /** Writes under way that nobody would have seen if they had taken effect right before `next`. */
  #hiddenBy({ operation, isBlind }: Pending, state: Value): bigint {
    if (isBlind) return this.#pending.blindBits;
    const isRemoval = operation.action.kind === "delete" && state !== undefined;
    return isRemoval ? this.#pending.putBits : 0n;
  }

  /** Operations that only look, and see what they saw, have looked. */
  #look(configuration: Configuration): Configuration {
    let { done } = configuration;
    for (const { operation, bit } of this.#pending.observers) {
      if ((done & bit) === 0n && step(configuration.state, operation) !== "impossible") done |= bit;
    }
    return done === configuration.done ? configuration : { ...configuration, done };
  }
}

function without(configuration: Configuration, bit: bigint): Configuration {
  const { state, done, absorbed, spent } = configuration;
  return { state, done: done & ~bit, absorbed: absorbed & ~bit, spent };
}
