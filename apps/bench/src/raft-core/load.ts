/** Closed-loop load that costs little itself, and what it took of the processor. */

export interface Load {
  readonly perSecond: number;
  /** By a second of processor time, of all threads of this process. */
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One call in so many is timed. */
const TIMED = 16;

/** Runs `call` from `callers` callers for `durationMs`. */
export async function load(
  call: () => Promise<unknown>,
  callers: number,
  durationMs: number,
): Promise<Load> {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const end = begin + durationMs;
  let count = 0;
  // As of the last call that was timed, whosever it was.
  let now = begin;
  const loop = async (): Promise<void> => {
    while (now < end) {
      count += 1;
      if (count % TIMED !== 0) {
        await call();
        continue;
      }
      const asked = performance.now();
      await call();
      now = performance.now();
      latencies.push(now - asked);
    }
  };
  await Promise.all(Array.from({ length: callers }, loop));
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return {
    perSecond: count / seconds,
    perCpuSecond: count / ((user + system) / 1e6),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}
