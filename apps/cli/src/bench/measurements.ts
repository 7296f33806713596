/** What a benchmark has measured, operation by operation. */
import { Histogram } from "./histogram.js";
import type { BenchOperation } from "./mix.js";

/** What came of one call. */
export interface CallOutcome {
  readonly operation: BenchOperation;
  /** Why it failed, by a code of the client and in words; `undefined` when it did not. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** Whether it found a value: of those that look for one and did not fail. */
  readonly isMissing: boolean;
}

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface OperationResult {
  readonly operation: BenchOperation;
  /** Calls that were answered well. */
  readonly count: number;
  readonly perSecond: number;
  /** Of those, in milliseconds; `undefined` when there are none. */
  readonly latencyMs: Latency | undefined;
  /** Of those, the ones that found no value. */
  readonly missing: number;
  /** Calls that failed, by code. */
  readonly errors: Readonly<Record<string, ErrorTally>>;
}

export interface ErrorTally {
  readonly count: number;
  /** What the first of them said. */
  readonly example: string;
}

interface Tally {
  readonly histogram: Histogram;
  readonly errors: Map<string, ErrorTally>;
  missing: number;
}

export class Measurements {
  private readonly tallies: ReadonlyMap<BenchOperation, Tally>;

  /** @param operations that there are going to be, in the order of the results */
  constructor(operations: Iterable<BenchOperation>) {
    this.tallies = new Map(
      [...operations].map((operation) => [
        operation,
        { histogram: new Histogram(), errors: new Map<string, ErrorTally>(), missing: 0 },
      ]),
    );
  }

  /** A failed call has no latency: one that failed at once would make the others look good. */
  record({ operation, error, isMissing }: CallOutcome, latencyMs: number): void {
    const tally = this.tallies.get(operation);
    if (tally === undefined) throw new Error(`${operation} was not announced`);
    if (error !== undefined) {
      const { count, example } = tally.errors.get(error.code) ?? {
        count: 0,
        example: error.message,
      };
      tally.errors.set(error.code, { count: count + 1, example });
      return;
    }
    tally.histogram.record(latencyMs);
    if (isMissing) tally.missing += 1;
  }

  results(elapsedMs: number): readonly OperationResult[] {
    return [...this.tallies].map(([operation, { histogram, errors, missing }]) => ({
      operation,
      count: histogram.count,
      perSecond: elapsedMs === 0 ? 0 : (histogram.count * 1_000) / elapsedMs,
      latencyMs: histogram.count === 0 ? undefined : latencyOf(histogram),
      missing,
      errors: Object.fromEntries([...errors].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    }));
  }
}

function latencyOf(histogram: Histogram): Latency {
  return {
    p50: histogram.quantileMs(0.5),
    p90: histogram.quantileMs(0.9),
    p99: histogram.quantileMs(0.99),
    p999: histogram.quantileMs(0.999),
    max: histogram.maxMs,
  };
}
