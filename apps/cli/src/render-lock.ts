/** What `lock` has to say, for people; standard output belongs to the command that it runs. */
import { formatDuration } from "./duration.js";
import { printable } from "./printable.js";
import type { Rendering, TextStyle } from "./rendering.js";
import type { Report } from "./report.js";

export type LockReport = Extract<
  Report,
  { readonly kind: "lock-awaited" | "lock-taken" | "lock-not-released" | "command-ended" }
>;

export function renderLock(report: LockReport, { encodings }: TextStyle): Rendering {
  const name = (key: Uint8Array): string => `'${printable(key, encodings.key)}'`;
  switch (report.kind) {
    case "lock-awaited":
      return { status: `waiting for the lock ${name(report.key)}, which somebody else holds` };
    case "lock-taken":
      return { status: "" };
    case "lock-not-released": {
      const end = `it is free in ${formatDuration(report.ttlMs)} at the latest`;
      const why = report.failure.message;
      return { note: `titan: the lock ${name(report.key)} could not be freed (${why}); ${end}\n` };
    }
    case "command-ended":
      return {};
  }
}
