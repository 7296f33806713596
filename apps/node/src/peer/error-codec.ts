/**
 * Errors on their way from node to node.
 *
 *     text code · flag (outcome unknown) · text message · varint count · per entry of metadata: text, text
 *
 * A text is a varint of its length in bytes, then UTF-8; a flag a byte, 0 or 1.
 */
import { toKvError } from "../kv/engine-failure.js";
import { KV_ERROR_CODES, KvError, type KvErrorCode } from "../kv/kv-error.js";
import { ByteReader, MalformedBytes } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";

/** Longer words are cut: they are for people. */
const MAX_MESSAGE_CHARACTERS = 1024;
const CODES: ReadonlySet<string> = new Set(KV_ERROR_CODES);

export function encodeError(error: KvError): Uint8Array {
  const writer = new ByteWriter();
  writer.text(error.code);
  writer.flag(error.outcome === "unknown");
  writer.text(error.message.slice(0, MAX_MESSAGE_CHARACTERS));
  const metadata = Object.entries(error.metadata);
  writer.varint(metadata.length);
  for (const [name, value] of metadata) {
    writer.text(name);
    writer.text(value);
  }
  return writer.finish();
}

/**
 * The error of a peer. A code that this version does not know becomes `INTERNAL`, with the outcome kept.
 * @throws MalformedBytes
 */
export function decodeError(bytes: Uint8Array): KvError {
  const reader = new ByteReader(bytes);
  const code = reader.text();
  const outcome = reader.flag() ? "unknown" : "not-applied";
  const message = reader.text();
  const count = reader.count(2);
  const metadata: Record<string, string> = {};
  for (let taken = 0; taken < count; taken += 1) {
    const name = reader.text();
    // The one name that would not become an entry.
    if (name === "__proto__") throw new MalformedBytes("a name that is none");
    metadata[name] = reader.text();
  }
  reader.expectEnd();
  if (isCode(code)) return new KvError({ code, message, outcome, metadata });
  return new KvError({ code: "INTERNAL", message: `${code}: ${message}`, outcome, metadata });
}

/** What a handler threw, as its caller is told; `undefined` for a defect, which is logged and not told. */
export function toPeerError(error: unknown): KvError | undefined {
  return toKvError(error);
}

function isCode(code: string): code is KvErrorCode {
  return CODES.has(code);
}
