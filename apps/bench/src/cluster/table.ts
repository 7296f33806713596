/** Tables in Markdown, and whether a target was met. */
import { type Measurement, median } from "../closed-loop.js";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

export function figures(all: readonly Measurement[]): string {
  const of = (field: "opsPerSecond" | "p50Ms" | "p99Ms"): number =>
    median(all.map((one) => one[field]));
  return `${Math.round(of("opsPerSecond"))} (${of("p50Ms").toFixed(2)} / ${of("p99Ms").toFixed(1)})`;
}

export function rateOf(all: readonly Measurement[]): number {
  return median(all.map(({ opsPerSecond }) => opsPerSecond));
}

export function verdict(isMet: boolean): string {
  return isMet ? "met" : "missed";
}
