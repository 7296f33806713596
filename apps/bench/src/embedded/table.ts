/** The result as Markdown. */
import { median } from "../closed-loop.js";
import type { Arguments } from "./arguments.js";
import { PEER_CACHE_BYTES, STORES, type StoreName } from "./engines/engine.js";
import type { Peers } from "./peers.js";
import { DATASETS, type Row, type Unit } from "./rows.js";
import type { Outcome } from "./run.js";
import { judge, type Target, type Verdict } from "./targets.js";

/** Load average that the benchmark itself makes at most: the store's thread and those it hands work to. */
const OWN_LOAD = 2.5;

interface Report {
  readonly options: Arguments;
  readonly peers: Peers;
  readonly outcome: Outcome;
  readonly circumstances: string;
}

/** The whole section. */
export function toMarkdown(report: Report): string {
  const { options, peers, outcome } = report;
  const versions = [...peers.versions].map(([name, version]) => `${name} ${version}`).join(", ");
  const parts = [
    "## @titan/bitcask beside native stores",
    `\`pnpm --filter @titan/bench bench:embedded${options.given && ` ${options.given}`}\`; medians of ` +
      `${outcome.loadAverages.length} interleaved rounds, one process per store and phase, ${options.seconds} s per ` +
      `measurement, seed ${options.seed}. ${report.circumstances}. ${versions || "No peers"}.`,
    "Keys of 16 B in no order, values that do not compress, files in the page cache, figures per " +
      "second unless said. A ratio is Titan's figure by the peer's; *best* is the fastest peer, " +
      "*rest* the fastest but for lmdb. " +
      `Peers have caches of ${PEER_CACHE_BYTES / 2 ** 20} MiB in every row and, where they sync once per ` +
      "call, a group commit on the user's side. Titan's value cache is off (\"not cached\"), takes " +
      "what the row says, or, in scans, as much as the peers'. YCSB: 64 callers, writes unsynced. " +
      "Disk is measured once.",
    ...DATASETS.map((dataset) => datasetTable(report, dataset)).filter((table) => table !== ""),
    notes(report),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** One line per target, for the terminal. */
export function toSummary(rows: readonly Row[], outcome: Outcome): string {
  const verdicts = rows.flatMap((row) =>
    verdictsOf(row, outcome).map((verdict) => ({ row, verdict })),
  );
  const lines = verdicts.map(
    ({ row, verdict }) => `${row.id.padEnd(24)} ${describe(verdict, row.unit)}`,
  );
  const count = (isMet: boolean | undefined) =>
    verdicts.filter(({ verdict }) => verdict.isMet === isMet).length;
  return [
    ...lines,
    `${count(true)} targets met, ${count(false)} missed, ${count(undefined)} not measured`,
  ].join("\n");
}

function datasetTable({ options, outcome }: Report, dataset: Row["dataset"]): string {
  const rows = options.rows.filter((row) => row.dataset === dataset);
  if (rows.length === 0) return "";
  const keys = Math.round(options.keys * dataset.keysFactor).toLocaleString("en");
  const lines = rows.map((row) => {
    const medians = mediansOf(row, outcome);
    const cells = STORES.map((store) => format(medians.get(store), row.unit));
    const verdicts = verdictsOf(row, outcome).map((verdict) => describe(verdict, row.unit));
    return `| ${row.label} | ${cells.join(" | ")} | ${verdicts.join("; ") || "–"} |`;
  });
  return [
    `### ${keys} keys, values of ${dataset.valueBytes} B`,
    "",
    `| work | ${STORES.join(" | ")} | target: reached |`,
    `|---|${STORES.map(() => "---").join("|")}|---|`,
    ...lines,
  ].join("\n");
}

function notes({ peers, outcome, options }: Report): string {
  const lines = [
    `Load average after each round: ${outcome.loadAverages.map((load) => load.toFixed(1)).join(", ")}.`,
  ];
  if (Math.max(...outcome.loadAverages) > OWN_LOAD) {
    lines.push(
      "The machine had other work to do: figures, above all of durable puts, are lower and less " +
        "even than on a quiet one.",
    );
  }
  for (const [row, figures] of outcome.hintReadMs) {
    const hint = median(figures);
    const keys = Math.round(options.keys * row.dataset.keysFactor).toLocaleString("en");
    lines.push(
      hint === 0
        ? `Opening ${keys} keys: the store had no hint files, every record was read.`
        : `Opening ${keys} keys: reading the hint files alone takes ${hint.toFixed(1)} ms.`,
    );
  }
  for (const { name, reason } of peers.missing) lines.push(`${name} is missing: ${reason}`);
  for (const { store, what, error } of outcome.failures) {
    lines.push(`${store} failed (${what}): ${error}`);
  }
  return lines.map((line) => `- ${line}`).join("\n");
}

function mediansOf(row: Row, outcome: Outcome): ReadonlyMap<StoreName, number> {
  const byStore = outcome.figures.get(row) ?? new Map<StoreName, readonly number[]>();
  return new Map([...byStore].map(([store, figures]) => [store, median(figures)]));
}

function verdictsOf(row: Row, outcome: Outcome): readonly Verdict[] {
  const medians = mediansOf(row, outcome);
  return row.targets.map((target) => judge(target, medians));
}

/** For example "≥ 2× best: 2.31, met". */
function describe({ target, actual, isMet }: Verdict, unit: Unit): string {
  const wanted = wording(target, unit);
  if (actual === undefined) return `${wanted}: not measured`;
  const reached = target.kind === "ratio" ? actual.toFixed(2) : format(actual, unit);
  return `${wanted}: ${reached}, ${isMet ? "met" : "missed"}`;
}

function wording(target: Target, unit: Unit): string {
  return target.kind === "ratio"
    ? `≥ ${target.atLeast}× ${target.to}`
    : `≤ ${format(target.atMost, unit)}`;
}

function format(figure: number | undefined, unit: Unit): string {
  if (figure === undefined) return "–";
  switch (unit) {
    case "per second":
      return formatRate(figure);
    case "ms":
      return `${figure < 10 ? figure.toFixed(1) : figure.toFixed(0)} ms`;
    case "bytes":
      return `${figure.toFixed(0)} B`;
    case "times":
      return `${figure.toFixed(2)}×`;
    case "count":
      return figure.toFixed(2);
  }
}

function formatRate(figure: number): string {
  if (figure >= 1e6) return `${(figure / 1e6).toFixed(2)}M`;
  if (figure >= 1e4) return `${(figure / 1e3).toFixed(0)}k`;
  return figure >= 1e3 ? `${(figure / 1e3).toFixed(1)}k` : figure.toFixed(0);
}
