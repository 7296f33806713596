/** Callers of all kinds of calls, without pause, who remember what each of their calls came to. */
import { isClientError, type TitanClient } from "@titan/client";
import type { SeededRandom } from "@titan/raft/testing";

export interface CallersOptions {
  /** Each caller has one of them, in turn. */
  readonly clients: readonly TitanClient[];
  readonly callers: number;
  readonly timeoutMs: number;
  readonly random: SeededRandom;
}

/** A call that is under way. */
interface Begun {
  readonly what: string;
  readonly atMs: number;
}

/** What one caller knows of its keys. Nobody else writes them. */
interface Ledger {
  /** Increments that were acknowledged, and those that may have happened. */
  counted: number;
  open: number;
  /** What the register may hold. */
  possible: Set<string | undefined>;
  lastSuccessMs: number;
}

/** A call may end so much after its deadline: the machine is busy. */
const GRACE_MS = 1_000;

export class Callers {
  readonly #options: CallersOptions;
  readonly #ledgers: readonly Ledger[];
  readonly #begun = new Set<Begun>();
  readonly #problems: string[] = [];
  readonly failures = new Map<string, number>();
  calls = 0;
  #longestGapMs = 0;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#ledgers = Array.from({ length: options.callers }, () => ({
      ...{ counted: 0, open: 0, possible: new Set<string | undefined>([undefined]) },
      lastSuccessMs: performance.now(),
    }));
  }

  start(): void {
    this.#running = Promise.all(this.#ledgers.map((ledger, caller) => this.#loop(caller, ledger)));
  }

  /** Lets the calls under way come to their ends. @throws Error when some do not */
  async stop(): Promise<void> {
    this.#isOver = true;
    const { timeoutMs } = this.#options;
    const late = new Promise<never>((_resolve, reject) => {
      setTimeout(() => {
        const hung = [...this.#begun].map(({ what }) => what);
        reject(new Error(`calls hang past their deadline: ${hung.slice(0, 8).join(", ")}`));
      }, timeoutMs + GRACE_MS).unref();
    });
    await Promise.race([this.#running, late]);
  }

  /** The longest time in which a caller had no success, of all callers, since this was asked last. */
  takeLongestGapMs(): number {
    const nowMs = performance.now();
    const gapMs = Math.max(
      this.#longestGapMs,
      ...this.#ledgers.map(({ lastSuccessMs }) => nowMs - lastSuccessMs),
    );
    this.#longestGapMs = 0;
    for (const ledger of this.#ledgers) ledger.lastSuccessMs = nowMs;
    return gapMs;
  }

  /** Reads all back. @returns what is not as the callers know it */
  async check(client: TitanClient): Promise<readonly string[]> {
    const wrong = [...this.#problems];
    for (const [caller, { counted, open, possible }] of this.#ledgers.entries()) {
      const found = Number((await client.get(counterOf(caller))) ?? 0);
      if (found < counted || found > counted + open) {
        wrong.push(`${counterOf(caller)} is ${found}: ${counted} were acknowledged, ${open} open`);
      }
      const value = await client.get(registerOf(caller));
      if (!possible.has(value)) {
        wrong.push(`${registerOf(caller)} is ${value}, not ${[...possible].join(" or ")}`);
      }
    }
    return wrong;
  }

  async #loop(caller: number, ledger: Ledger): Promise<void> {
    const { clients, random, timeoutMs } = this.#options;
    const client = clients[caller % clients.length];
    if (client === undefined) throw new Error("no client");
    const call = { timeoutMs };
    const register = registerOf(caller);
    for (let turn = 0; !this.#isOver; turn += 1) {
      const value = `${caller}.${turn}`;
      const kind = random.nextInt(8);
      if (kind < 3) await this.#count(ledger, () => client.increment(counterOf(caller), 1, call));
      else if (kind === 3) await this.#set(ledger, value, () => client.put(register, value, call));
      else if (kind === 4) {
        await this.#set(ledger, undefined, () => client.delete(register, call));
      } else if (kind === 5) {
        const operations = [{ type: "put" as const, key: register, value }];
        await this.#set(ledger, value, () => client.batch(operations, call));
      } else if (kind === 6) {
        const then = [{ type: "put" as const, key: register, value }];
        await this.#set(ledger, value, () => client.txn({ then }, call));
      } else await this.#read(ledger, register, () => client.get(register, call));
    }
  }

  async #count(ledger: Ledger, perform: () => Promise<unknown>): Promise<void> {
    const outcome = await this.#call("increment", ledger, perform);
    if (outcome === "done") ledger.counted += 1;
    if (outcome === "unknown") ledger.open += 1;
  }

  async #set(
    ledger: Ledger,
    value: string | undefined,
    perform: () => Promise<unknown>,
  ): Promise<void> {
    const outcome = await this.#call("write", ledger, perform);
    if (outcome === "done") ledger.possible = new Set([value]);
    if (outcome === "unknown") ledger.possible.add(value);
  }

  /** Of two writes that may have happened the earlier one may do so later: no reading settles which. */
  async #read(
    ledger: Ledger,
    key: string,
    perform: () => Promise<string | undefined>,
  ): Promise<void> {
    let found: string | undefined;
    const { possible } = ledger;
    const outcome = await this.#call("get", ledger, async () => {
      found = await perform();
    });
    if (outcome === "done" && !possible.has(found)) {
      this.#problems.push(`${key} was read as ${found}, not ${[...possible].join(" or ")}`);
    }
  }

  async #call(
    what: string,
    ledger: Ledger,
    perform: () => Promise<unknown>,
  ): Promise<"done" | "not-applied" | "unknown"> {
    const begun = { what, atMs: performance.now() };
    this.#begun.add(begun);
    try {
      await perform();
      const nowMs = performance.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - ledger.lastSuccessMs);
      ledger.lastSuccessMs = nowMs;
      return "done";
    } catch (error) {
      return this.#outcomeOf(what, error);
    } finally {
      this.#begun.delete(begun);
      this.calls += 1;
      const tookMs = performance.now() - begun.atMs;
      if (tookMs > this.#options.timeoutMs + GRACE_MS) {
        this.#problems.push(`${what} took ${tookMs.toFixed(0)} ms`);
      }
    }
  }

  #outcomeOf(what: string, error: unknown): "not-applied" | "unknown" {
    if (!isClientError(error)) {
      this.#problems.push(`${what} failed without a type: ${String(error)}`);
      return "unknown";
    }
    const { code, outcome } = error;
    const name = `${code} ${outcome}`;
    this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
    return outcome;
  }
}

function counterOf(caller: number): string {
  return `counter-${caller}`;
}

function registerOf(caller: number): string {
  return `register-${caller}`;
}
