import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { assertCount, type PhaseRun, WARM_UP_SHARE } from "./phase.js";

/** Reads between two looks at the clock. */
const CHUNK_READS = 8192;
/** Of Titan's records, beside key and value. */
const RECORD_HEADER_BYTES = 24;

/**
 * What reading alone takes: one `fs.readSync` of a record's size at a place of chance in the data files, into
 * memory that is there already. No store that asks the system for each value can be faster in Node.
 */
export const runReadFloor: PhaseRun = async ({ job, dice }) => {
  const size = RECORD_HEADER_BYTES + 16 + job.valueBytes;
  const files = readdirSync(job.directory)
    .filter((name) => name.endsWith(".data"))
    .map((name) => join(job.directory, name))
    .map((path) => ({ descriptor: openSync(path, "r"), slots: statSync(path).size / size - 1 }))
    .filter(({ slots }) => slots >= 1);
  const into = Buffer.alloc(size);
  const run = (seconds: number): number => {
    let elapsedMs = 0;
    let count = 0;
    while (elapsedMs < seconds * 1000) {
      const places = Array.from({ length: CHUNK_READS }, () => {
        const file = files[dice.below(files.length)];
        if (file === undefined) throw new Error("there is nothing to read");
        return { descriptor: file.descriptor, at: size * dice.below(Math.floor(file.slots)) };
      });
      let bytes = 0;
      const startedAt = performance.now();
      for (const { descriptor, at } of places) bytes += readSync(descriptor, into, 0, size, at);
      elapsedMs += performance.now() - startedAt;
      assertCount(bytes, CHUNK_READS * size, "bytes read");
      count += CHUNK_READS;
    }
    return (count / elapsedMs) * 1000;
  };
  run(job.seconds * WARM_UP_SHARE);
  const opsPerSecond = run(job.seconds);
  for (const { descriptor } of files) closeSync(descriptor);
  return { opsPerSecond };
};
