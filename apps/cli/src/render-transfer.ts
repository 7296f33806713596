/** What `export` and `import` have to say, for people. */
import { Buffer } from "node:buffer";
import { formatCount, formatSize } from "./format.js";
import { printable } from "./printable.js";
import { progressText } from "./render-progress.js";
import type { Rendering, TextStyle } from "./rendering.js";
import type { Report } from "./report.js";

export type TransferReport = Extract<
  Report,
  { readonly kind: "progress" | "export-line" | "exported" | "imported" }
>;

export function renderTransfer(report: TransferReport, style: TextStyle): Rendering {
  const ok = (text: string): Rendering => ({ out: `${style.colors.green("OK:")} ${text}\n` });
  switch (report.kind) {
    case "progress": {
      const isInTheWay = report.progress.isBesideAnswer && style.isTerminal;
      return isInTheWay ? {} : { status: progressText(report.progress) };
    }
    case "export-line":
      return { out: report.line };
    case "exported": {
      const text = `Exported ${keyCount(report.entries)}, ${formatSize(report.bytes)}`;
      if (report.file !== undefined)
        return ok(`${text}, to ${printable(Buffer.from(report.file))}`);
      // Scripts get the lines and nothing else.
      return style.isNoteTerminal && !style.isTerminal ? { note: `titan: ${text}\n` } : {};
    }
    case "imported": {
      const keys = keyCount(report.entries);
      return ok(report.isDryRun ? `Checked ${keys}; nothing was written` : `Imported ${keys}`);
    }
  }
}

function keyCount(count: number): string {
  return `${formatCount(count)} key${count === 1 ? "" : "s"}`;
}
