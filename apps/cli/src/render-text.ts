/** Answers as people read them, and as scripts that want plain bytes do. */
import { printable, terminalText } from "./printable.js";
import { renderBenchReport } from "./render-bench.js";
import { renderLock } from "./render-lock.js";
import { renderFailure, renderServerReport } from "./render-server.js";
import { renderTransfer } from "./render-transfer.js";
import type { Renderer, Rendering, TextStyle } from "./rendering.js";
import type { ByteEntry, Report } from "./report.js";

export function createTextRenderer(style: TextStyle): Renderer {
  return {
    report: (report) => renderReport(report, style),
    failure: (failure) => renderFailure(failure, style),
  };
}

function renderReport(report: Report, style: TextStyle): Rendering {
  const { colors } = style;
  const name = (key: Uint8Array): string => `'${printable(key, style.encodings.key)}'`;
  const ok = (text: string): Rendering => ({ out: `${colors.green("OK:")} ${text}\n` });
  const remark = (text: string): Rendering =>
    style.audience === "shell" ? { out: `${text}\n` } : { note: `titan: ${text}\n` };
  switch (report.kind) {
    case "stored":
      return ok(`Stored key ${name(report.key)}`);
    case "value":
      return style.audience === "shell"
        ? { out: `Value: ${valueText(report.entry.value, style).text}\n` }
        : commandValue(report.entry.value, report.raw, style);
    case "missing":
    case "missing-in-txn":
      return remark(`Key ${name(report.key)} not found`);
    case "deleted":
      return ok(
        report.existed
          ? `Deleted key ${name(report.key)}`
          : `Key ${name(report.key)} was not there`,
      );
    case "not-deleted":
      return remark(`Key ${name(report.key)} not found; nothing was deleted`);
    case "batch-applied":
      return ok(`Applied ${counted(report.operationCount, "operation")}`);
    case "swapped":
      return ok(`Changed key ${name(report.key)}`);
    case "not-swapped":
      return remark(
        `Key ${name(report.key)} ${currentText(report.current, style)}; nothing was changed`,
      );
    case "counter":
      return { out: style.audience === "shell" ? `Value: ${report.value}\n` : `${report.value}\n` };
    case "entry":
      return { out: `${entryLine(report.entry, style)}\n` };
    case "change":
      return { out: `${report.event.type}\t${entryLine(report.event, style)}\n` };
    case "watched-to":
      return report.isFirst ? watching(style) : {};
    case "scanned":
      return scanSummary(report.count, style);
    case "transacted":
      return report.succeeded ? ok(txnText(report)) : remark(txnText(report));
    case "progress":
    case "export-line":
    case "exported":
    case "imported":
      return renderTransfer(report, style);
    case "lock-awaited":
    case "lock-taken":
    case "lock-not-released":
    case "command-ended":
      return renderLock(report, style);
    case "status":
    case "no-status":
    case "status-look":
    case "members":
    case "shards":
    case "keyspaces":
    case "ordered":
    case "diagnosed":
      return renderServerReport(report, style);
    case "bench-begun":
    case "bench-ended":
    case "bench-keys-left":
      return renderBenchReport(report, style);
  }
}

function watching({ isTerminal, audience, noteColors }: TextStyle): Rendering {
  if (!isTerminal && audience !== "shell") return {};
  return { note: `${noteColors.dim("watching; Ctrl-C ends it")}\n` };
}

function txnText({ succeeded, operationCount }: Extract<Report, { kind: "transacted" }>): string {
  const done = counted(operationCount, "operation");
  return succeeded
    ? `The conditions hold; did ${done}`
    : `A condition does not hold; did ${done} of "otherwise"`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function valueText(value: Uint8Array, style: TextStyle): { text: string; isExact: boolean } {
  const { value: encoding } = style.encodings;
  if (encoding === "utf8") return terminalText(value);
  return { text: printable(value, encoding), isExact: true };
}

/** A pipe gets the bytes and nothing else; a terminal gets text that ends in a line break. */
function commandValue(value: Uint8Array, raw: boolean, style: TextStyle): Rendering {
  if (raw) return { out: value };
  if (style.encodings.value !== "utf8")
    return { out: `${printable(value, style.encodings.value)}\n` };
  if (!style.isTerminal) return { out: value };
  const { text, isExact } = valueText(value, style);
  const out = text.endsWith("\n") ? text : `${text}\n`;
  if (isExact) return { out };
  return {
    out,
    note: "titan: shown with \\ escapes; pipe it, or use --raw, for the bytes themselves\n",
  };
}

function currentText(current: ByteEntry | undefined, style: TextStyle): string {
  if (current === undefined) return "does not exist";
  const shown = printable(current.value.subarray(0, 60), style.encodings.value);
  const value = `${shown}${current.value.length > 60 ? "…" : ""}`;
  return `has revision ${current.revision} and value '${value}'`;
}

function entryLine(
  entry: { readonly key: Uint8Array; readonly value?: Uint8Array },
  style: TextStyle,
): string {
  const key = style.colors.cyan(printable(entry.key, style.encodings.key));
  const { value } = entry;
  return value === undefined ? key : `${key}\t${printable(value, style.encodings.value)}`;
}

function scanSummary(count: number, { audience, isTerminal, colors }: TextStyle): Rendering {
  if (audience === "shell") return { out: `${colors.dim(`(${counted(count, "key")})`)}\n` };
  return count === 0 && isTerminal ? { note: "titan: no keys\n" } : {};
}
