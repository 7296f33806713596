/** Entries as lines of JSON. Text stays text; bytes that are not UTF-8 travel as base64. */
import { isUtf8 } from "node:buffer";
import { asBuffer } from "../bytes.js";

/** Bytes of a longest line: a value of 64 MiB in base64, its key, and room. */
const MAX_LINE_BYTES = 96 * 1024 * 1024;
const NEWLINE = 10;

export interface LineEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly expiresAtMs: number | undefined;
}

/** What is wrong with a line, without its number. */
export class LineError extends Error {
  override readonly name: string = "LineError";
}

/** A string, or `{ base64 }` for bytes that are not UTF-8. */
export function toJsonBytes(bytes: Uint8Array): string | { readonly base64: string } {
  const buffer = asBuffer(bytes);
  return isUtf8(buffer) ? buffer.toString("utf8") : { base64: buffer.toString("base64") };
}

export function formatLine({ key, value, expiresAtMs }: LineEntry): string {
  const entry = { key: toJsonBytes(key), value: toJsonBytes(value), expiresAtMs };
  return `${JSON.stringify(entry)}\n`;
}

/** @throws LineError */
export function parseLine(line: string): LineEntry {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new LineError("it is not JSON", { cause: error });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new LineError("it is no object");
  }
  const { key, value, expiresAtMs, ...others } = parsed as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new LineError(`it has an unknown field "${unknown}"`);
  if (
    expiresAtMs !== undefined &&
    !(Number.isSafeInteger(expiresAtMs) && Number(expiresAtMs) >= 1)
  ) {
    throw new LineError("expiresAtMs is no positive integer");
  }
  return {
    key: fromJsonBytes(key, "key"),
    value: fromJsonBytes(value, "value"),
    expiresAtMs: expiresAtMs as number | undefined,
  };
}

function fromJsonBytes(json: unknown, field: string): Uint8Array {
  if (json === undefined) throw new LineError(`it has no ${field}`);
  if (typeof json === "string") {
    const bytes = Buffer.from(json, "utf8");
    if (bytes.toString("utf8") !== json) throw new LineError(`its ${field} has a lone surrogate`);
    return bytes;
  }
  if (typeof json === "object" && json !== null && Object.keys(json).length === 1) {
    const { base64 } = json as { readonly base64?: unknown };
    if (typeof base64 === "string") {
      const bytes = Buffer.from(base64, "base64");
      if (bytes.toString("base64") === base64) return bytes;
      throw new LineError(`its ${field} is not base64`);
    }
  }
  throw new LineError(`its ${field} is neither a string nor {"base64": "…"}`);
}

/** Lines of a stream, without their ends, in bounded memory. @throws LineError */
export async function* linesOf(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const take = (): string => {
    const line = Buffer.concat(parts);
    parts = [];
    bytes = 0;
    if (!isUtf8(line)) throw new LineError("it is not UTF-8");
    return line.toString("utf8").replace(/\r$/, "");
  };
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    bytes += rest.length;
    if (bytes > MAX_LINE_BYTES) throw new LineError(`it is longer than ${MAX_LINE_BYTES} bytes`);
    parts.push(Uint8Array.from(rest));
  }
  if (bytes > 0) yield take();
}
