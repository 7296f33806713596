/**
 * Open-loop load: calls begin on a schedule, whatever became of those before, and their latency counts from when they were
 * due. A store that stalls thus shows in every call that was due meanwhile, not in one (G. Tene's "coordinated omission").
 */

export interface OpenMeasurement {
  readonly calls: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Calls that may be under way; what is due beyond fails the measurement, as nothing would follow from it. */
const MOST_UNDER_WAY = 20_000;

/**
 * Runs `call` at `perSecond` for `durationMs`; `call` gets a number that grows. Quantiles are exact, of all calls.
 * @throws Error when more than 20,000 calls are under way: the store cannot keep up
 */
export async function measureOpen(
  call: (sequence: number) => Promise<unknown>,
  perSecond: number,
  durationMs: number,
): Promise<OpenMeasurement> {
  const latencies: number[] = [];
  let failed = 0;
  let underWay = 0;
  const calls: Promise<void>[] = [];
  const total = Math.floor((perSecond * durationMs) / 1_000);
  const startMs = performance.now();
  const begin = async (sequence: number): Promise<void> => {
    const dueMs = startMs + (sequence * 1_000) / perSecond;
    underWay += 1;
    try {
      await call(sequence);
    } catch {
      failed += 1;
    }
    latencies.push(performance.now() - dueMs);
    underWay -= 1;
  };
  for (let sequence = 0; sequence < total; ) {
    const due = Math.min(total, ((performance.now() - startMs) * perSecond) / 1_000);
    for (; sequence < due; sequence += 1) calls.push(begin(sequence));
    if (underWay > MOST_UNDER_WAY) throw new Error(`${underWay} calls under way at ${perSecond}/s`);
    // Not at every turn: that would take a processor away from the stores.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(calls);
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.max(0, Math.ceil(latencies.length * share) - 1)] ?? 0;
  return {
    ...{ calls: total, failed },
    ...{ p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) },
  };
}
