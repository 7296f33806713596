/**
 * @titan/bitcask beside lmdb, classic-level, better-sqlite3 and rocksdb, one process per store and
 * phase, interleaved, with the targets of issue 3. `--help` says how to run less of it.
 *
 *   pnpm --filter @titan/bench bench:embedded
 */
import { rmSync } from "node:fs";
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { circumstances, writeSection } from "../report.js";
import { type Arguments, parseArguments, USAGE } from "./arguments.js";
import { preparePeers } from "./peers.js";
import { BenchmarkRun } from "./run.js";
import { toMarkdown, toSummary } from "./table.js";

/** Of Linux's statfs(2): a file system in memory, on which an fsync says nothing. */
const TMPFS_MAGIC = 0x01021994;

async function benchmark(options: Arguments): Promise<number> {
  if ((await statfs(options.directory)).type === TMPFS_MAGIC) {
    console.error(`${options.directory} is in memory; name a directory on a disk by --directory`);
    return 2;
  }
  const peers = await preparePeers(options.stores);
  const stores = options.stores.filter((store) => store === "titan" || peers.versions.has(store));
  const where = circumstances();
  console.error(`seed ${options.seed}; ${where}`);
  const directory = await mkdtemp(join(options.directory, "titan-bench-"));
  const interrupted = (): never => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    process.exit(130);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    const outcome = await new BenchmarkRun(options, stores, directory).run();
    const markdown = toMarkdown({ options, peers, outcome, circumstances: where });
    console.log(`${markdown}\n\n${toSummary(options.rows, outcome)}`);
    if (options.mayWrite) writeSection("embedded", markdown);
    else console.log("docs/benchmarks.md is left as it is: the run is reduced, or --dry was given");
    return outcome.failures.length === 0 ? 0 : 1;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function checkedArguments(): Arguments | undefined {
  try {
    return parseArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
}

if (process.argv.includes("--help")) {
  console.log(USAGE);
} else {
  const options = checkedArguments();
  process.exitCode = options === undefined ? 2 : await benchmark(options);
}
