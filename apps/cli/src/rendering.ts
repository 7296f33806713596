/** What a renderer is: reports and failures in, text for the two output streams out. */
import type { Colors } from "./colors.js";
import type { Encodings } from "./encoding.js";
import type { Failure } from "./failure.js";
import type { Screen } from "./ports.js";
import type { Report } from "./report.js";

/** How text is to look. */
export interface TextStyle {
  /**
   * A command's answer is for scripts too, and says no more than asked; the shell's is for a
   * person.
   */
  readonly audience: "command" | "shell";
  /** Whether standard output is a terminal, which must not be sent raw control characters. */
  readonly isTerminal: boolean;
  /** Standard output, when it is a terminal on which text can be replaced. */
  readonly screen: Screen | undefined;
  readonly encodings: Encodings;
  /** For standard output. */
  readonly colors: Colors;
  /** For standard error. */
  readonly noteColors: Colors;
  /** Whether standard error is a terminal. */
  readonly isNoteTerminal: boolean;
}

export interface Rendering {
  /** For standard output: the answer. */
  readonly out?: string | Uint8Array;
  /** For standard error: a remark beside the answer. */
  readonly note?: string;
  /** For standard error where that is a terminal: a line that the next one replaces; "" takes it away. */
  readonly status?: string;
}

export interface Renderer {
  report(report: Report): Rendering;
  /** A failure as lines for standard error. */
  failure(failure: Failure): string;
}
