/** Closed-loop load: a fixed number of callers, each of which asks again once it is answered. */

/** What a measurement gave. */
export interface Measurement {
  readonly calls: number;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Runs `call` from `callers` callers for `durationMs`; `call` gets a number that grows. */
export async function measure(
  call: (sequence: number) => Promise<unknown>,
  callers: number,
  durationMs: number,
): Promise<Measurement> {
  const latencies: number[] = [];
  let sequence = 0;
  const start = performance.now();
  const end = start + durationMs;
  const loop = async (): Promise<void> => {
    for (let now = performance.now(); now < end; ) {
      await call(sequence++);
      const answered = performance.now();
      latencies.push(answered - now);
      now = answered;
    }
  };
  await Promise.all(Array.from({ length: callers }, loop));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  const calls = latencies.length;
  return { calls, opsPerSecond: calls / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
