import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assertCount, type PhaseRun } from "./phase.js";

/**
 * From the call of open to the first value, files in the page cache; then the memory that an open
 * store takes, per key, over a process that has opened nothing.
 */
export const runOpen: PhaseRun = async ({ job, keySpace, open }) => {
  const key = keySpace.key(job.keys >> 1);
  collectGarbage();
  const emptyBytes = process.memoryUsage.rss();
  const startedAt = performance.now();
  const engine = await open();
  const length = await readLength(engine, key);
  const openMs = performance.now() - startedAt;
  assertCount(length, job.valueBytes, "bytes read");
  collectGarbage();
  const residentBytesPerKey = Math.max(0, process.memoryUsage.rss() - emptyBytes) / job.keys;
  await engine.close();
  return { openMs, residentBytesPerKey, hintReadMs: readHints(job.directory) };
};

async function readLength(
  { getSync, getAsync }: Awaited<ReturnType<Parameters<PhaseRun>[0]["open"]>>,
  key: string,
): Promise<number> {
  if (getSync !== undefined) return getSync(key)?.length ?? 0;
  return new Promise((resolve) => {
    getAsync?.(key, (value) => resolve(value?.length ?? 0));
  });
}

function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error("run with --expose-gc");
  globalThis.gc();
}

/** What only reading the index files takes: the machine's share of opening. 0 when there are none. */
function readHints(directory: string): number {
  const startedAt = performance.now();
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    if (name.endsWith(".hint")) bytes += readFileSync(join(directory, name)).length;
  }
  return bytes === 0 ? 0 : performance.now() - startedAt;
}
