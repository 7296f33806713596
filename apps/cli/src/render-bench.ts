/** What a benchmark measured, as people read it. */
import type { BenchPlan, BenchResult } from "./bench/bench.js";
import type { OperationResult } from "./bench/measurements.js";
import type { BenchReport } from "./bench-report.js";
import { formatDuration } from "./duration.js";
import { formatCount, formatSize } from "./format.js";
import { printable } from "./printable.js";
import type { Rendering, TextStyle } from "./rendering.js";
import { table } from "./table.js";

export function renderBenchReport(report: BenchReport, style: TextStyle): Rendering {
  const { isTerminal, audience, colors, noteColors, encodings } = style;
  switch (report.kind) {
    case "bench-begun":
      return isTerminal || audience === "shell"
        ? { note: `${noteColors.dim(planText(report.plan))}\n` }
        : {};
    case "bench-ended":
      return { out: resultText(report.result, colors) };
    case "bench-keys-left": {
      const prefix = printable(report.prefix, encodings.key);
      const why = report.failure.message;
      const text = `Not all keys of the benchmark under '${prefix}' were removed: ${why}`;
      return {
        note: `${noteColors.red("titan:")} ${text}\nThe next one with this --prefix does.\n`,
      };
    }
  }
}

function planText({ load, durationMs, keyCount, valueBytes, mix }: BenchPlan): string {
  const who =
    "callers" in load
      ? `${formatCount(load.callers)} ${load.callers === 1 ? "caller" : "callers"}`
      : `${formatCount(load.ratePerSecond)} calls per second`;
  const what = [...mix].map(([operation, weight]) => `${operation}=${weight}`).join(",");
  return (
    `${who} for ${formatDuration(durationMs)}: ${what} of ${formatCount(keyCount)} keys, values of ` +
    `${formatSize(valueBytes)}; Ctrl-C ends it`
  );
}

function resultText(result: BenchResult, colors: Pick<TextStyle["colors"], "dim" | "red">): string {
  const { plan, operations, elapsedMs, perSecond, notSent, unanswered, isInterrupted } = result;
  const head = [
    "CALLS OF",
    "COUNT",
    "PER SECOND",
    "P50 MS",
    "P90",
    "P99",
    "P99.9",
    "MAX",
    "FAILED",
  ];
  const rows = operations.map((one) => [
    ...[one.operation, formatCount(one.count), formatRate(one.perSecond)],
    ...latencyCells(one),
    failedText(one, colors),
  ]);
  const wanted = "callers" in plan.load ? "" : ` of ${formatCount(plan.load.ratePerSecond)} wanted`;
  const early = isInterrupted ? ", until Ctrl-C" : "";
  const lines = [
    `${formatRate(perSecond)} calls per second${wanted}, in ${(elapsedMs / 1_000).toFixed(1)} s${early}`,
    ...missingLines(operations),
    ...exampleLines(operations),
    ...(notSent > 0 ? [colors.red(notSentText(result))] : []),
    ...(unanswered > 0 && !isInterrupted
      ? [colors.red(`${formatCount(unanswered)} calls had no answer when nobody waited any more`)]
      : []),
  ];
  return `${table(head, rows, colors)}\n${lines.join("\n")}\n`;
}

function latencyCells({ latencyMs }: OperationResult): readonly string[] {
  if (latencyMs === undefined) return ["-", "-", "-", "-", "-"];
  const { p50, p90, p99, p999, max } = latencyMs;
  return [p50, p90, p99, p999, max].map(formatMs);
}

function failedText(
  { errors }: OperationResult,
  { red }: Pick<TextStyle["colors"], "red">,
): string {
  const codes = Object.entries(errors).map(([code, { count }]) => `${code} ${formatCount(count)}`);
  return codes.length === 0 ? "0" : red(codes.join(", "));
}

function missingLines(operations: readonly OperationResult[]): readonly string[] {
  return operations
    .filter(({ missing }) => missing > 0)
    .map(
      ({ operation, missing, count }) =>
        `${formatCount(missing)} of ${formatCount(count)} calls of ${operation} found no value`,
    );
}

function exampleLines(operations: readonly OperationResult[]): readonly string[] {
  const examples = new Map<string, string>();
  for (const { errors } of operations) {
    for (const [code, { example }] of Object.entries(errors)) {
      if (!examples.has(code)) examples.set(code, `${code}: ${example}`);
    }
  }
  return [...examples.values()];
}

function notSentText({ plan: { load }, notSent }: BenchResult): string {
  const most = "callers" in load ? load.callers : load.maxInFlight;
  return `${formatCount(notSent)} calls were due and not sent, as ${formatCount(most)} were under way`;
}

/** Three digits that count. */
function formatMs(ms: number): string {
  if (ms < 10) return ms.toFixed(2);
  return ms < 100 ? ms.toFixed(1) : formatCount(Math.round(ms));
}

function formatRate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond));
}
