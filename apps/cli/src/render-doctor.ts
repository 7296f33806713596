/** A diagnosis as people read it: what is wrong comes first. */
import type { Colors } from "./colors.js";
import type { Diagnosis } from "./doctor/diagnose.js";
import type { Severity } from "./doctor/finding.js";

type Paint = Pick<Colors, "red" | "bold" | "green">;

const LABELS: Readonly<Record<Severity, string>> = {
  problem: "PROBLEM",
  warning: "warning",
  ok: "ok",
};
const WIDTH = Math.max(...Object.values(LABELS).map((label) => label.length));

export function diagnosisText({ findings, counts }: Diagnosis, colors: Paint): string {
  const paint = { problem: colors.red, warning: colors.bold, ok: colors.green };
  const lines = findings.flatMap(({ severity, meaning, advice }) => [
    `${paint[severity](LABELS[severity].padEnd(WIDTH))}  ${meaning}`,
    ...(advice === undefined ? [] : [`${" ".repeat(WIDTH)}  → ${advice}`]),
  ]);
  return `${lines.join("\n")}\n\n${summary(counts)}\n`;
}

function summary({ problem, warning }: Diagnosis["counts"]): string {
  const counted = (count: number, what: string): string =>
    `${count} ${what}${count === 1 ? "" : "s"}`;
  if (problem + warning === 0) return "All is well.";
  return [
    ...(problem > 0 ? [counted(problem, "problem")] : []),
    ...(warning > 0 ? [counted(warning, "warning")] : []),
  ].join(", ");
}
