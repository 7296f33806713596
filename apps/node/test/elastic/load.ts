/** Callers that write, read and count without pause, and remember all that was acknowledged to them. */
import { TitanClient } from "@titan/client";

export interface LoadOptions {
  readonly addresses: readonly string[];
  readonly callers: number;
  /** Keys that each caller has to itself. */
  readonly keys: number;
}

/** A call that failed, and what it was. */
export interface Failure {
  readonly call: string;
  readonly error: unknown;
}

const CALL_TIMEOUT_MS = 10_000;

export class Load {
  readonly #options: LoadOptions;
  readonly #client: TitanClient;
  /** By key: the last value that was acknowledged. Each key has one writer. */
  readonly #written = new Map<string, string>();
  readonly #counts: number[];
  readonly failures: Failure[] = [];
  #slowestMs = 0;
  #calls = 0;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#client = new TitanClient({ endpoints: options.addresses, timeoutMs: CALL_TIMEOUT_MS });
    this.#counts = Array.from({ length: options.callers }, () => 0);
  }

  get calls(): number {
    return this.#calls;
  }

  /** Of all calls since this was asked last. */
  takeSlowestMs(): number {
    const slowest = this.#slowestMs;
    this.#slowestMs = 0;
    return slowest;
  }

  start(): void {
    const callers = Array.from({ length: this.#options.callers }, (_, caller) =>
      this.#loop(caller),
    );
    this.#running = Promise.all(callers);
  }

  /** Lets the calls under way come to their ends. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** Reads all back through each node. @returns what is not as it was acknowledged */
  async check(addresses: readonly string[]): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const address of addresses) {
      await using client = new TitanClient({
        ...{ endpoints: [address], discovery: false, timeoutMs: CALL_TIMEOUT_MS },
      });
      for (const [key, value] of this.#written) {
        const found = await client.get(key);
        if (found !== value) wrong.push(`${key} is ${found} through ${address}, not ${value}`);
      }
      for (const [caller, count] of this.#counts.entries()) {
        const found = await client.get(counterOf(caller));
        if (Number(found) !== count)
          wrong.push(`${counterOf(caller)} is ${found} through ${address}, not ${count}`);
      }
      const seen = new Set<string>();
      for await (const { key } of client.scan({ prefix: PREFIX, keysOnly: true })) seen.add(key);
      for (const key of this.#written.keys())
        if (!seen.has(key)) wrong.push(`${key} is not in a scan through ${address}`);
    }
    return wrong;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #loop(caller: number): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      const key = `${PREFIX}${caller}-${turn % this.#options.keys}`;
      const value = `${caller}.${turn}`;
      await this.#call(`put ${key}`, async () => {
        await this.#client.put(key, value);
        this.#written.set(key, value);
      });
      await this.#call(`get ${key}`, async () => {
        const found = await this.#client.get(key);
        if (found !== this.#written.get(key)) throw new Error(`it is ${found}, not ${value}`);
      });
      await this.#call(`increment ${counterOf(caller)}`, async () => {
        await this.#client.increment(counterOf(caller), 1);
        this.#counts[caller] = (this.#counts[caller] ?? 0) + 1;
      });
    }
  }

  async #call(call: string, perform: () => Promise<void>): Promise<void> {
    const beganMs = performance.now();
    try {
      await perform();
    } catch (error) {
      this.failures.push({ call, error });
      // What a failed call left behind is not known, and one is enough for a verdict.
      this.#isOver = true;
    }
    this.#calls += 1;
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - beganMs);
  }
}

const PREFIX = "load-";

function counterOf(caller: number): string {
  return `counter-${caller}`;
}
