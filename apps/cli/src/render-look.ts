/** A look of `status --watch`: in place on a terminal, else below the one before. */
import { formatDuration } from "./duration.js";
import type { Failure } from "./failure.js";
import { frameText } from "./frame.js";
import { statusText } from "./render-status.js";
import type { Rendering, TextStyle } from "./rendering.js";
import type { StatusLook } from "./server-report.js";

/** @param failureText why an endpoint gave no status, in lines */
export function renderLook(
  { answers, atMs, intervalMs, isFirst }: StatusLook,
  { screen, colors }: Pick<TextStyle, "screen" | "colors">,
  failureText: (failure: Failure) => string,
): Rendering {
  // To the second: more could not be read.
  const time = new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z");
  const parts = answers.map((answer) =>
    answer.kind === "status"
      ? { out: statusText(answer.status, colors), note: "" }
      : { out: "", note: failureText(answer.failure) },
  );
  if (screen === undefined) {
    const out = [`${time}\n`, ...parts.map((part) => part.out)].join("");
    return { out: `${isFirst ? "" : "\n"}${out}`, note: parts.map(({ note }) => note).join("") };
  }
  const head = colors.dim(`${time}, every ${formatDuration(intervalMs)}; Ctrl-C ends it`);
  const text = [`${head}\n`, ...parts.map(({ out, note }) => out + note)].join("\n");
  return { out: frameText(text, { isFirst, rows: screen.rows }) };
}
