/** Asks again and again, each time with a short deadline, and remembers when it was answered. */
const DEADLINE_MS = 250;
const PAUSE_MS = 5;

/** Resolves with the time of the first success. Tries that are under way count from their answer. */
export async function firstSuccess(
  call: (signal: AbortSignal) => Promise<unknown>,
  timeoutMs: number,
): Promise<number> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      await call(AbortSignal.timeout(DEADLINE_MS));
      return performance.now();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, PAUSE_MS);
      });
    }
  }
}

/** What callers saw while something happened. */
export interface Observed {
  readonly calls: number;
  readonly failures: number;
  /** Longest time in which nothing was answered. */
  readonly longestGapMs: number;
  readonly p99Ms: number;
}

/** Callers that go on until they are told to stop. */
export class Load {
  readonly #loops: readonly Promise<void>[];
  readonly #latencies: number[] = [];
  #failures = 0;
  #isOver = false;
  #lastAt = performance.now();
  #longestGapMs = 0;

  constructor(call: (sequence: number) => Promise<unknown>, callers: number) {
    let sequence = 0;
    const loop = async (): Promise<void> => {
      while (!this.#isOver) {
        const begin = performance.now();
        try {
          await call(sequence++);
          this.#latencies.push(performance.now() - begin);
          this.#longestGapMs = Math.max(this.#longestGapMs, performance.now() - this.#lastAt);
          this.#lastAt = performance.now();
        } catch {
          this.#failures += 1;
          // Who refuses does so at once, and would be asked without end.
          await new Promise((resolve) => {
            setTimeout(resolve, PAUSE_MS);
          });
        }
      }
    };
    this.#loops = Array.from({ length: callers }, loop);
  }

  /** Since the last time it was asked. */
  take(): Observed {
    const latencies = this.#latencies.splice(0).sort((a, b) => a - b);
    const observed = {
      calls: latencies.length,
      failures: this.#failures,
      longestGapMs: Math.max(this.#longestGapMs, performance.now() - this.#lastAt),
      p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    };
    this.#failures = 0;
    this.#longestGapMs = 0;
    this.#lastAt = performance.now();
    return observed;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }
}
