/** What `titan bench` has to say. */
import type { BenchPlan, BenchResult } from "./bench/bench.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import type { Failure } from "./failure.js";

export type BenchReport =
  | { readonly kind: "bench-begun"; readonly plan: BenchPlan }
  | { readonly kind: "bench-ended"; readonly result: BenchResult }
  /** Keys of the benchmark may still be there. */
  | { readonly kind: "bench-keys-left"; readonly prefix: Uint8Array; readonly failure: Failure };

/** What a command that reported this ends with. */
export function exitCodeOfBenchReport(report: BenchReport): ExitCode {
  switch (report.kind) {
    case "bench-begun":
      return EXIT.ok;
    case "bench-keys-left":
      return report.failure.exitCode === EXIT.interrupted ? EXIT.interrupted : EXIT.failed;
    case "bench-ended": {
      const { operations, unanswered, isInterrupted } = report.result;
      if (isInterrupted) return EXIT.interrupted;
      const hasFailed = operations.some(({ errors }) => Object.keys(errors).length > 0);
      return hasFailed || unanswered > 0 ? EXIT.failed : EXIT.ok;
    }
  }
}
