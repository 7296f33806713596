/** Clients of a register in memory, under a scheduler that is a seed: what they record is known to be right, or wrong. */
import { type Action, type Answer, History, type Operation, type Value } from "../src/index.js";

/** What the register does wrong. */
export type Fault =
  | "none"
  /** Some gets answer from a copy that lags. */
  | "stale-reads"
  /** Some answered puts are dropped. */
  | "lost-updates"
  /** Some deleted values come back. */
  | "resurrected-deletes"
  /** Compare-and-sets look, and write later without looking again. */
  | "torn-cas"
  /** Some writes that were refused as not applied happen. */
  | "refused-but-applied";

export interface SimulationOptions {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  readonly fault: Fault;
  /** Percent of the writes whose answer is lost. */
  readonly unknownPercent: number;
  /** Whether numbers are added to, instead of values deleted. */
  readonly isCounter: boolean;
}

interface Running {
  readonly call: ReturnType<History["invoke"]>;
  readonly action: Action;
  phase: "to-apply" | "to-write" | "to-answer";
  answer: Answer;
  fate: "answered" | "unknown" | "not-applied";
}

const KEY = "k";

export function simulate(options: SimulationOptions): readonly Operation[] {
  const { clients, operations, fault, unknownPercent } = options;
  const nextInt = numbersOf(options.seed);
  const isChance = (percent: number): boolean => nextInt(100) < percent;
  const history = new History();
  const register = new Register(fault, isChance);
  const running: (Running | undefined)[] = Array.from({ length: clients });
  /** Not answered, still on their way to the register. */
  const late: Running[] = [];
  let begun = 0;
  while (begun < operations || running.some((one) => one !== undefined)) {
    const [straggler] = late;
    if (straggler !== undefined && isChance(5)) {
      late.shift();
      register.apply(straggler);
    }
    const client = nextInt(clients);
    const current = running[client];
    if (current === undefined) {
      if (begun === operations) continue;
      begun += 1;
      const action = actionOf(begun, options.isCounter, register.state, nextInt);
      running[client] = {
        ...{ action, phase: "to-apply", answer: {}, fate: "answered" },
        call: history.invoke(`client-${client}`, KEY, action),
      };
    } else if (current.phase !== "to-answer") {
      const isWrite = current.action.kind !== "get";
      const isRefusedToo = fault === "refused-but-applied";
      const lostPercent = isRefusedToo ? 4 * unknownPercent : unknownPercent;
      if (isWrite && current.phase === "to-apply" && isChance(lostPercent)) {
        current.fate = isChance(isRefusedToo ? 20 : 70) ? "unknown" : "not-applied";
        current.phase = "to-answer";
        const isApplied = current.fate === "unknown" || isRefusedToo;
        if (isApplied && isChance(70)) late.push({ ...current, phase: "to-apply" });
      } else register.apply(current);
    } else {
      if (current.fate === "answered") current.call.answered(current.answer);
      else if (current.fate === "unknown") current.call.unknown();
      else current.call.notApplied();
      running[client] = undefined;
    }
  }
  return history.operations();
}

class Register {
  #state: Value;
  #before: Value;
  readonly #fault: Fault;
  readonly #isChance: (percent: number) => boolean;

  constructor(fault: Fault, isChance: (percent: number) => boolean) {
    this.#fault = fault;
    this.#isChance = isChance;
  }

  get state(): Value {
    return this.#state;
  }

  /** Does the next part of an operation. */
  apply(running: Running): void {
    const { action } = running;
    const isFaulty = (fault: Fault): boolean => this.#fault === fault && this.#isChance(40);
    if (running.phase === "to-write") {
      if (action.kind === "cas") this.#set(action.value);
      running.phase = "to-answer";
      return;
    }
    running.phase = "to-answer";
    switch (action.kind) {
      case "get":
        running.answer = { value: isFaulty("stale-reads") ? this.#before : this.#state };
        break;
      case "put":
        if (!isFaulty("lost-updates")) this.#set(action.value);
        break;
      case "delete":
        running.answer = { existed: this.#state !== undefined };
        this.#set(isFaulty("resurrected-deletes") ? this.#before : undefined);
        break;
      case "cas": {
        const applied = this.#state === action.expected;
        running.answer = applied ? { applied } : { applied, current: { value: this.#state } };
        if (applied && this.#fault === "torn-cas") running.phase = "to-write";
        else if (applied) this.#set(action.value);
        break;
      }
      case "increment": {
        const value = String(Number(this.#state ?? "0") + action.delta);
        running.answer = { value };
        this.#set(value);
      }
    }
  }

  #set(state: Value): void {
    this.#before = this.#state;
    this.#state = state;
  }
}

function actionOf(
  sequence: number,
  isCounter: boolean,
  state: Value,
  nextInt: (bound: number) => number,
): Action {
  const kind = nextInt(10);
  const value = (sequence: number) => (isCounter ? String(sequence) : `v${sequence}`);
  if (kind < 4) return { kind: "get" };
  if (kind < 7) return { kind: "put", value: value(sequence) };
  if (kind < 8) return isCounter ? { kind: "increment", delta: 1_000_000 } : { kind: "delete" };
  // Mostly what was there a moment ago.
  const expected = nextInt(10) < 7 ? state : value(sequence - 1 - nextInt(20));
  return { kind: "cas", expected, value: value(sequence) };
}

/** Integers below a bound, the same for a seed (mulberry32). */
function numbersOf(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}
