/** Which operations a benchmark does, and how often: `get=95,put=5`. */
import type { Random } from "../ports.js";
import { UsageError } from "../usage-error.js";

export const BENCH_OPERATIONS = ["get", "put", "delete"] as const;
export type BenchOperation = (typeof BENCH_OPERATIONS)[number];

/** Operations with their weights, which are whole numbers from 1 on. Not empty. */
export type Mix = ReadonlyMap<BenchOperation, number>;

export const DEFAULT_MIX: Mix = new Map<BenchOperation, number>([
  ["get", 95],
  ["put", 5],
]);
const MAX_WEIGHT = 1_000_000;

/** @throws UsageError */
export function parseMix(text: string): Mix {
  const mix = new Map<BenchOperation, number>();
  for (const part of text.split(",")) {
    const match = /^ *([a-z]+) *= *(\d+) *$/.exec(part);
    const operation = BENCH_OPERATIONS.find((one) => one === match?.[1]);
    const weight = Number(match?.[2]);
    if (operation === undefined || !(weight >= 1 && weight <= MAX_WEIGHT)) {
      throw new UsageError(
        `--mix takes operations and how often, such as get=95,put=5, not '${part.trim()}'; ` +
          `operations are ${BENCH_OPERATIONS.join(", ")}, numbers whole and from 1 on`,
      );
    }
    if (mix.has(operation)) throw new UsageError(`--mix has ${operation} twice`);
    mix.set(operation, weight);
  }
  return mix;
}

/** @returns what draws operations, each as often as its weight says */
export function drawFrom(mix: Mix, random: Random): () => BenchOperation {
  const total = [...mix.values()].reduce((sum, weight) => sum + weight);
  return () => {
    let left = random.nextInt(total);
    for (const [operation, weight] of mix) {
      if (left < weight) return operation;
      left -= weight;
    }
    throw new Error("the weights do not add up");
  };
}
