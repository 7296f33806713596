/** The operations under way at a moment of a history, and which of them could matter now. */
import type { Operation, Value } from "../history/operation.js";
import type { Configuration } from "./configurations.js";
import { blindWriteOf, describeAction, isObserver } from "./register.js";
import type { Sightings } from "./sightings.js";
import { WantedStates } from "./wanted-states.js";

/** An operation under way. */
export interface Pending {
  readonly operation: Operation;
  /** Its bit, among those that were answered or among those that never were. */
  readonly bit: bigint;
  readonly isAnswered: boolean;
  /** Whether it leaves the same state whatever was there before. */
  readonly isBlind: boolean;
}

/** Never answered, and all alike: which of them took effect makes no difference, so they do in order. */
type Alike = Pending[];

export class PendingOperations {
  readonly #sightings: Sightings;
  readonly #byOperation = new Map<Operation, Pending>();
  readonly #observers = new Set<Pending>();
  /** Answered and no observers. */
  readonly #changes = new Set<Pending>();
  /** Never answered, by the value that they write. These only grow in number. */
  readonly #unansweredBlind = new Map<Value, Alike>();
  readonly #unansweredRest = new Map<string, Alike>();
  /** Bits that are free again. */
  readonly #freeBits: bigint[] = [];
  #answeredBits = 0;
  #unansweredBits = 0;
  #blindBits = 0n;
  #putBits = 0n;

  constructor(sightings: Sightings) {
    this.#sightings = sightings;
  }

  /** Of those that were answered: those that write blindly. */
  get blindBits(): bigint {
    return this.#blindBits;
  }

  /** Of these: those that leave a value. */
  get putBits(): bigint {
    return this.#putBits;
  }

  get observers(): Iterable<Pending> {
    return this.#observers;
  }

  /** How many that will be answered are under way. */
  get answeredCount(): number {
    return this.#observers.size + this.#changes.size;
  }

  add(operation: Operation): void {
    const isAnswered = operation.answer !== undefined;
    const blind = blindWriteOf(operation);
    const isBlind = blind !== "depends";
    const pending = { operation, bit: this.#nextBit(isAnswered), isAnswered, isBlind };
    this.#byOperation.set(operation, pending);
    if (isAnswered) {
      if (isObserver(operation)) this.#observers.add(pending);
      else this.#changes.add(pending);
      if (isBlind) this.#blindBits |= pending.bit;
      if (operation.action.kind === "put") this.#putBits |= pending.bit;
    } else if (blind === "depends") {
      addTo(this.#unansweredRest, describeAction(operation.action), pending);
    } else {
      addTo(this.#unansweredBlind, blind.value, pending);
    }
  }

  get(operation: Operation): Pending {
    const pending = this.#byOperation.get(operation);
    if (pending === undefined)
      throw new Error(`operation ${operation.id} returns, but never began`);
    return pending;
  }

  /** To be called when it was answered. */
  remove(pending: Pending): void {
    this.#byOperation.delete(pending.operation);
    this.#observers.delete(pending);
    this.#changes.delete(pending);
    this.#blindBits &= ~pending.bit;
    this.#putBits &= ~pending.bit;
    this.#freeBits.push(pending.bit);
  }

  /** See {@link WantedStates}. */
  wantedStates(): WantedStates {
    const changes = [...this.#changes].filter(({ isBlind }) => !isBlind);
    const answered = [...this.#observers, ...changes].map(({ operation }) => operation);
    const rest = [...this.#unansweredRest.values()].flat();
    return new WantedStates(
      answered,
      rest.map(({ operation }) => operation),
    );
  }

  /**
   * Those that may have to take effect in this configuration before somebody else does.
   * @param now the time of the answer that is to be explained
   */
  *candidates(
    { state, spent }: Configuration,
    wanted: WantedStates,
    now: number,
  ): Iterable<Pending> {
    yield* this.#changes;
    for (const alike of this.#unansweredRest.values()) yield* firstUnspent(alike, spent);
    if (!wanted.isOtherWanted(state)) {
      for (const value of wanted.states) {
        yield* firstUnspent(this.#unansweredBlind.get(value) ?? [], spent);
      }
      return;
    }
    let isNamelessFound = false;
    for (const [value, alike] of this.#unansweredBlind) {
      // Where any value will do, one is as good as another of those that nobody asks for by name.
      const isNameless = !wanted.states.has(value) && !this.#sightings.isSeenAfter(value, now);
      if (isNameless && isNamelessFound) continue;
      for (const pending of firstUnspent(alike, spent)) {
        yield pending;
        if (isNameless) isNamelessFound = true;
      }
    }
  }

  /** Never answered, and not among `spent`. */
  unspent(spent: bigint): readonly Operation[] {
    const all = [...this.#unansweredRest.values(), ...this.#unansweredBlind.values()].flat();
    return all.filter(({ bit }) => (bit & spent) === 0n).map(({ operation }) => operation);
  }

  #nextBit(isAnswered: boolean): bigint {
    if (!isAnswered) return 1n << BigInt(this.#unansweredBits++);
    return this.#freeBits.pop() ?? 1n << BigInt(this.#answeredBits++);
  }
}

function addTo<Name>(groups: Map<Name, Alike>, name: Name, pending: Pending): void {
  const alike = groups.get(name);
  if (alike === undefined) groups.set(name, [pending]);
  else alike.push(pending);
}

function firstUnspent(alike: Alike, spent: bigint): readonly Pending[] {
  const first = alike.find(({ bit }) => (bit & spent) === 0n);
  return first === undefined ? [] : [first];
}
