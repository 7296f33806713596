/**
 * `--json`: one JSON object per line. Keys and values are strings when they are UTF-8, else
 * `{"base64":"…"}`; `batch` takes both back.
 */
import type { BenchResult } from "./bench/bench.js";
import type { Failure } from "./failure.js";
import { jsonBytes } from "./json-bytes.js";
import type { Renderer, Rendering } from "./rendering.js";
import type { ByteEntry, ByteKeyEntry, Report } from "./report.js";
import type { StatusAnswer, StatusLook } from "./server-report.js";

export const jsonRenderer: Renderer = {
  report(report: Report): Rendering {
    if (report.kind === "status-look") return { out: lookLines(report) };
    if (report.kind === "bench-keys-left") return { note: jsonRenderer.failure(report.failure) };
    if (report.kind === "export-line") return { out: report.line };
    const object = toJson(report);
    // Standard output has the lines themselves, or belongs to the command that was run.
    const isTaken = report.kind === "exported" && report.file === undefined;
    if (isTaken || report.kind === "lock-not-released") {
      return { note: `${JSON.stringify(object)}\n` };
    }
    return object === undefined ? {} : { out: `${JSON.stringify(object)}\n` };
  },
  failure: (failure: Failure): string => `${JSON.stringify({ error: failure })}\n`,
};

function jsonEntry(entry: ByteEntry | ByteKeyEntry | Omit<ByteKeyEntry, "ttlMs">): object {
  const { revision } = entry;
  const ttlMs = "ttlMs" in entry ? entry.ttlMs : undefined;
  const value = "value" in entry ? { value: jsonBytes(entry.value) } : {};
  return { key: jsonBytes(entry.key), ...value, revision, ttlMs };
}

/** A line for each endpoint, as without --watch, and when it was. */
function lookLines({ answers, atMs }: StatusLook): string {
  const time = new Date(atMs).toISOString();
  return answers.map((one) => `${JSON.stringify({ time, ...answerJson(one) })}\n`).join("");
}

function benchJson({ plan, operations, ...result }: BenchResult): object {
  const { load, durationMs, mix, prefix, keyCount, valueBytes, distribution } = plan;
  const asked = { ...load, durationMs, mix: Object.fromEntries(mix), prefix: jsonBytes(prefix) };
  return { plan: { ...asked, keyCount, valueBytes, distribution }, ...result, operations };
}

function answerJson(answer: StatusAnswer): object {
  return answer.kind === "status"
    ? { available: true, ...answer.status }
    : { available: false, endpoint: answer.endpoint, error: answer.failure };
}

function importJson({ entries, bytes, isDryRun }: Extract<Report, { kind: "imported" }>): object {
  return { imported: isDryRun ? 0 : entries, checked: entries, bytes, dryRun: isDryRun };
}

function toJson(report: Exclude<Report, StatusLook>): object | undefined {
  switch (report.kind) {
    case "stored":
      return { key: jsonBytes(report.key), revision: report.revision };
    case "value":
      return { found: true, ...jsonEntry(report.entry) };
    case "missing":
    case "missing-in-txn":
      return { found: false, key: jsonBytes(report.key) };
    case "deleted":
      return { deleted: report.existed, key: jsonBytes(report.key) };
    case "not-deleted":
      return { deleted: false, key: jsonBytes(report.key) };
    case "batch-applied":
      return { applied: true, operations: report.operationCount };
    case "swapped":
      return { applied: true, key: jsonBytes(report.key), revision: report.revision };
    case "not-swapped": {
      const current = report.current === undefined ? null : jsonEntry(report.current);
      return { applied: false, key: jsonBytes(report.key), current };
    }
    case "counter":
      return { key: jsonBytes(report.key), value: report.value, revision: report.revision };
    case "entry":
      return jsonEntry(report.entry);
    case "scanned":
    case "progress":
    case "export-line":
    case "lock-awaited":
    case "lock-taken":
    case "command-ended":
    case "bench-begun":
    case "bench-keys-left":
      return undefined;
    case "exported":
      return { exported: report.entries, bytes: report.bytes, file: report.file ?? null };
    case "imported":
      return importJson(report);
    case "change": {
      const { type, shard } = report.event;
      return { type, ...jsonEntry(report.event), shard };
    }
    case "watched-to":
      return { type: "progress", position: report.position };
    case "status":
    case "no-status":
      return answerJson(report);
    case "members":
      return { nodes: report.cluster.nodes };
    case "shards":
      return { shards: report.cluster.shards };
    case "keyspaces":
      return { keyspaces: report.keyspaces };
    case "diagnosed": {
      const { findings, counts } = report.diagnosis;
      return { healthy: counts.problem === 0, counts, findings };
    }
    case "bench-ended":
      return benchJson(report.result);
    case "transacted": {
      const { succeeded, revision, operationCount } = report;
      return { succeeded, operations: operationCount, revision };
    }
    case "ordered":
      return report.fields;
    case "lock-not-released":
      return { released: false, key: jsonBytes(report.key), error: report.failure };
  }
}
