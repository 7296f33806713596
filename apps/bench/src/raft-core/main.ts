/**
 * The host of `@titan/raft` without a network: three hosts in one process.
 *
 *   pnpm --filter @titan/bench bench:raft-core [--rounds 3] [--mebibytes 1024] [--write]
 *
 * `--write` puts the section into docs/benchmarks.md.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "../closed-loop.js";
import { circumstances, writeSection } from "../report.js";
import type { Figures, PhaseName } from "./phases.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    mebibytes: { type: "string", default: "1024" },
    write: { type: "boolean", default: false },
  },
});
const WORKER = join(import.meta.dirname, "worker.js");
const begun = circumstances();
const given = process.argv
  .slice(2)
  .map((word) => ` ${word}`)
  .join("");

/** Each figure's median over the rounds. */
function run(phase: PhaseName, argument = 0, rounds = Number(options.rounds)): Figures {
  const results = Array.from({ length: rounds }, () => {
    const call = ["--expose-gc", WORKER, phase, String(argument)];
    const printed = execFileSync(process.execPath, call).toString();
    console.error(phase, argument, printed.trim());
    return JSON.parse(printed) as Figures;
  });
  const names = Object.keys(results[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(results.map((figures) => figures[name] ?? Number.NaN))]),
  );
}

const count = (value = Number.NaN): string => Math.round(value).toLocaleString("en");
const ms = (value = Number.NaN): string => `${value.toFixed(2)} ms`;
const share = (value = Number.NaN): string => `${(value * 100).toFixed(2)} %`;
const verdict = (isMet: boolean): string => (isMet ? "met" : "missed");

const memory = run("memory");
const [few, many] = [run("disk", 64), run("disk", 1024)];
const [thousand, tenThousand] = [run("groups", 1000), run("groups", 10_000)];
const snapshot = run("snapshot", Number(options.mebibytes), 1);

const of = (figures: Figures, name: string): number => figures[name] ?? Number.NaN;
const readsPerWrite = of(memory, "reads") / of(memory, "proposals");
const slowdown = of(snapshot, "p99MeanwhileMs") / of(snapshot, "p99BeforeMs");

const rows: readonly (readonly string[])[] = [
  [
    "proposals of 16 B, log in memory, 4096 callers",
    `${count(memory["proposals"])}/s; ${count(memory["proposalsPerCpuSecond"])} by second of CPU, all threads`,
    `≥ 150,000 on one core: ${verdict(of(memory, "proposalsPerCpuSecond") >= 150_000)}`,
  ],
  [
    "reads by ReadIndex, the same",
    `${count(memory["reads"])}/s`,
    `≥ 5× the proposals: ${readsPerWrite.toFixed(1)}×, ${verdict(readsPerWrite >= 5)}`,
  ],
  ...[few, many].map((disk, at) => [
    `proposals of 128 B, logs on disk, ${at === 0 ? 64 : 1024} callers`,
    `${count(disk["perSecond"])}/s, p50 ${ms(disk["p50Ms"])}, p99 ${ms(disk["p99Ms"])}; a write with its ` +
      `fdatasync ${ms(disk["syncMs"])}, raw ${ms(disk["rawSyncMs"])}`,
    `≥ 5 per fdatasync: ${of(disk, "proposalsPerSync").toFixed(1)}, ${verdict(of(disk, "proposalsPerSync") >= 5)}`,
  ]),
  [
    "1,000 idle groups",
    `asleep ${share(thousand["asleepCores"])} of a core for all three hosts and ` +
      `${of(thousand, "asleepFrames").toFixed(1)} frames a second each way; before that ` +
      `${share(thousand["awakeCores"])} and ${of(thousand, "awakeFrames").toFixed(1)}`,
    `< 1 % of a core: ${verdict(of(thousand, "asleepCores") < 0.01)}`,
  ],
  [
    "10,000 groups",
    `started and led after ${ms(tenThousand["startMs"])}, ${count(tenThousand["heapPerGroup"])} bytes of ` +
      `heap each; awake ${of(tenThousand, "awakeFrames").toFixed(1)} frames a second each way`,
    `< 10 s, ≤ 16 KiB: ${verdict(of(tenThousand, "startMs") < 10_000 && of(tenThousand, "heapPerGroup") <= 16_384)}`,
  ],
  [
    `a snapshot of ${count(Number(options.mebibytes))} MiB through ${count(snapshot["cuts"])} cuts`,
    `${of(snapshot, "sentShare").toFixed(3)}× its bytes in ${of(snapshot, "seconds").toFixed(1)} s; p99 of ` +
      `another group ${ms(snapshot["p99BeforeMs"])} before, ${ms(snapshot["p99MeanwhileMs"])} meanwhile`,
    `≤ 1.1×, p99 ≤ 2×: ${slowdown.toFixed(2)}×, ${verdict(of(snapshot, "sentShare") <= 1.1 && slowdown <= 2)}`,
  ],
];

const markdown = `## @titan/raft: three hosts in one process

\`pnpm --filter @titan/bench bench:raft-core${given}\`; medians of ${options.rounds} runs, each in a process of
its own, the snapshot once. ${begun}. One thread does the work of all three hosts, and that of the callers.

| work | figures | target |
|---|---|---|
${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}
`;

console.log(markdown);
if (options.write) writeSection("raft-core", markdown);
