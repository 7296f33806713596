/** Records what concurrent clients of one process do, in the order in which it happens. */
import type { Action, Answer, Operation } from "./operation.js";

/** A call under way. Exactly one of the three is to be called, once. */
export interface RecordedCall {
  /** It happened, and this came of it. */
  answered(answer?: Answer): void;
  /** It certainly did not happen and never will. */
  notApplied(): void;
  /** Nobody knows: it may have happened, may still, or never will. */
  unknown(): void;
}

/** How many calls ended how. */
export interface HistoryCounts {
  readonly answered: number;
  readonly notApplied: number;
  readonly unknown: number;
}

export class History {
  readonly #operations: Operation[] = [];
  readonly #open = new Map<number, Omit<Operation, "returnedAt" | "answer">>();
  readonly #counts = { answered: 0, notApplied: 0, unknown: 0 };
  #time = 0;
  #nextId = 0;

  /** To be called before the request is sent. */
  invoke(process: string, key: string, action: Action): RecordedCall {
    const id = this.#nextId++;
    const begun = { id, process, key, action, invokedAt: this.#time++ };
    this.#open.set(id, begun);
    const end = (how: keyof HistoryCounts, operation: Operation | undefined): void => {
      if (!this.#open.delete(id)) throw new Error(`operation ${id} has ended before`);
      this.#counts[how] += 1;
      if (operation !== undefined) this.#operations.push(operation);
    };
    return {
      answered: (answer = {}) => end("answered", { ...begun, returnedAt: this.#time++, answer }),
      // An operation without effect or answer constrains nothing.
      notApplied: () => end("notApplied", undefined),
      unknown: () => end("unknown", unknownOf(begun)),
    };
  }

  get counts(): HistoryCounts {
    return { ...this.#counts };
  }

  /** All operations so far; those under way count as unknown. A get without an answer is left out. */
  operations(): readonly Operation[] {
    const open = [...this.#open.values()].map(unknownOf);
    return [...this.#operations, ...open.filter((operation) => operation !== undefined)];
  }
}

function unknownOf(begun: Omit<Operation, "returnedAt" | "answer">): Operation | undefined {
  if (begun.action.kind === "get") return undefined;
  return { ...begun, returnedAt: Number.POSITIVE_INFINITY, answer: undefined };
}
