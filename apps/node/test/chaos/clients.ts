/** Concurrent clients that put, get, delete, compare and count on few keys, and record what they are told. */
import { type ClientError, isClientError, TitanClient } from "@titan/client";
import type { SeededRandom } from "@titan/raft/testing";
import type { Action, Answer, History } from "@titan/testkit";

type KvClient = TitanClient;

/** Reads a key in the way that is on trial. */
export type Read = (key: string) => Promise<string | undefined>;

export interface ClientsOptions {
  readonly addresses: readonly string[];
  readonly clients: number;
  readonly keys: number;
  readonly random: SeededRandom;
  readonly history: History;
  /** Instead of the client's own get: for the run that has to fail. */
  readonly read?: Read;
}

const CALL_TIMEOUT_MS = 3_000;
/** Keeps histories short enough for what they are to show. */
const MAX_PAUSE_MS = 30;
/** After a call that failed: a dead node is not asked as fast as it can refuse. */
const FAILURE_PAUSE_MS = 100;
const COUNTERS = 2;
export const LEDGER_PREFIX = "once-";

/** Keys that were written once each: every acknowledged one must be there in the end. */
export interface Ledger {
  readonly acknowledged: Set<string>;
  readonly unknown: Set<string>;
  readonly notApplied: Set<string>;
}

export class Clients {
  readonly #options: ClientsOptions;
  /** One that may turn to any node, and one that sticks to each. */
  readonly #connections: readonly KvClient[];
  readonly ledger: Ledger = {
    acknowledged: new Set(),
    unknown: new Set(),
    notApplied: new Set(),
  };
  readonly keys: readonly string[];
  readonly #counters = Array.from({ length: COUNTERS }, (_, i) => `counter-${i}`);
  /** What each client saw last of each key. */
  readonly #seen = new Map<string, string | undefined>();
  #isOver = false;
  /** Errors that are neither an answer nor an outcome. */
  readonly strange: unknown[] = [];

  constructor(options: ClientsOptions) {
    this.#options = options;
    // One that finds the leaders, and one for each node whose calls mostly are passed on.
    const connect = (endpoints: readonly string[], discovery: boolean): KvClient =>
      new TitanClient({ endpoints, discovery, timeoutMs: CALL_TIMEOUT_MS });
    this.#connections = [
      connect(options.addresses, true),
      ...options.addresses.map((address) => connect([address], false)),
    ];
    this.keys = Array.from({ length: options.keys }, (_, i) => `key-${i}`);
  }

  get all(): readonly string[] {
    return [...this.keys, ...this.#counters];
  }

  /** Resolves when all clients have stopped; see {@link Clients.stop}. */
  async run(): Promise<void> {
    const loops = Array.from({ length: this.#options.clients }, (_, i) => this.#loop(`c${i}`));
    await Promise.all([...loops, this.#keepLedger()]);
  }

  stop(): void {
    this.#isOver = true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  /** Reads every key through every node, and takes that into the history; then the ledger. */
  async readAll(): Promise<ReadonlySet<string>> {
    const { history } = this.#options;
    for (const [place, connection] of this.#connections.entries()) {
      for (const key of this.all) {
        const call = history.invoke(`final-${place}`, key, { kind: "get" });
        call.answered({ value: await connection.get(key, { timeoutMs: 30_000 }) });
      }
    }
    const found = new Set<string>();
    const [connection] = this.#connections;
    if (connection === undefined) return found;
    for await (const { key } of connection.scan({ prefix: LEDGER_PREFIX, keysOnly: true })) {
      found.add(key);
    }
    return found;
  }

  async #loop(name: string): Promise<void> {
    const { random } = this.#options;
    for (let sequence = 1; !this.#isOver; sequence += 1) {
      const connection = random.pick(this.#connections);
      const isCount = random.isChance(10);
      const key = random.pick(isCount ? this.#counters : this.keys);
      const action = isCount ? this.#count() : this.#choose(name, key, sequence);
      const isAnswered = await this.#record(name, key, action, connection);
      await pause(random.nextInt(isAnswered ? MAX_PAUSE_MS : FAILURE_PAUSE_MS));
    }
  }

  #count(): Action {
    return this.#options.random.isChance(50) ? { kind: "get" } : { kind: "increment", delta: 1 };
  }

  #choose(name: string, key: string, sequence: number): Action {
    const { random } = this.#options;
    const chance = random.nextInt(100);
    const value = `${name}-${sequence}`;
    if (chance < 45) return { kind: "get" };
    if (chance < 70) return { kind: "put", value };
    if (chance < 78) return { kind: "delete" };
    const expected = this.#seen.get(`${name} ${key}`);
    return { kind: "cas", expected, value: random.isChance(90) ? value : undefined };
  }

  async #record(name: string, key: string, action: Action, connection: KvClient): Promise<boolean> {
    const call = this.#options.history.invoke(name, key, action);
    try {
      const answer = await this.#perform(connection, key, action);
      call.answered(answer);
      const seen = action.kind === "cas" ? (answer.current ?? action).value : answer.value;
      if (action.kind !== "increment") this.#seen.set(`${name} ${key}`, seen);
      return true;
    } catch (error) {
      if (this.#outcomeOf(error) === "not-applied") call.notApplied();
      else call.unknown();
      return false;
    }
  }

  async #perform(connection: KvClient, key: string, action: Action): Promise<Answer> {
    switch (action.kind) {
      case "get": {
        const { read } = this.#options;
        return { value: await (read === undefined ? connection.get(key) : read(key)) };
      }
      case "put":
        await connection.put(key, action.value);
        return { value: action.value };
      case "delete":
        return { existed: await connection.delete(key) };
      case "cas": {
        const { expected: wanted, value } = action;
        const expected = wanted === undefined ? ("absent" as const) : { value: wanted };
        const update = value === undefined ? { remove: true as const } : { value };
        const result = await connection.cas(key, { expected, ...update });
        if (result.applied) return { applied: true };
        return { applied: false, current: { value: result.current?.value } };
      }
      case "increment": {
        const { value } = await connection.increment(key, action.delta);
        return { value: String(value) };
      }
    }
  }

  async #keepLedger(): Promise<void> {
    const { random } = this.#options;
    for (let sequence = 0; !this.#isOver; sequence += 1) {
      const key = `${LEDGER_PREFIX}${String(sequence).padStart(8, "0")}`;
      try {
        await random.pick(this.#connections).put(key, "there");
        this.ledger.acknowledged.add(key);
      } catch (error) {
        const isNotApplied = this.#outcomeOf(error) === "not-applied";
        (isNotApplied ? this.ledger.notApplied : this.ledger.unknown).add(key);
      }
      await pause(random.nextInt(MAX_PAUSE_MS));
    }
  }

  #outcomeOf(error: unknown): ClientError["outcome"] {
    if (isClientError(error)) {
      if (error.code === "CLIENT_INTERNAL") this.strange.push(error);
      return error.outcome;
    }
    this.strange.push(error);
    return "unknown";
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
