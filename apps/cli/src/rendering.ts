/** What a renderer is: reports and failures in, text for the two output streams out. */
import type { Failure } from "./failure.js";
import type { Report } from "./report.js";

export interface Rendering {
  /** For standard output: the answer. */
  readonly out?: string | Uint8Array;
  /** For standard error: a remark beside the answer. */
  readonly note?: string;
}

export interface Renderer {
  report(report: Report): Rendering;
  /** A failure as lines for standard error. */
  failure(failure: Failure): string;
}
