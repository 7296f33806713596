/**
 * Bodies of the calls about shards from node to node; described in docs/formats/peer-calls.md. They come from
 * nodes of the same cluster and yet are checked: decoding throws `MalformedBytes` and nothing else.
 */
import type { Entry } from "../kv/entry.js";
import { type Revision, toRevision } from "../kv/revision.js";
import type { ScanEntry } from "../kv/scan-request.js";
import type { ReadEntry } from "../shard/shard-command.js";
import type {
  Freshness,
  ShardChange,
  ShardHistory,
  ShardPage,
  ShardRange,
} from "../shard/shard-replica.js";
import { ByteReader, MalformedBytes } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";

/** Room for the numbers in front of keys and values. */
const HEAD_BYTES = 48;
const ENTRY_BYTES = 24;

// ── writes ─────────────────────────────────────────────────────────────────

/** A command for a shard. The answer is the encoded result as it is. */
export function encodeProposal(shard: number, command: Uint8Array): Uint8Array {
  const writer = new ByteWriter(command.length + 8);
  writer.varint(shard);
  writer.bytes(command);
  return writer.finish();
}

export function decodeProposal(body: Uint8Array): {
  readonly shard: number;
  readonly command: Uint8Array;
} {
  const reader = new ByteReader(body);
  return { shard: reader.varint(), command: reader.rest() };
}

// ── reads ──────────────────────────────────────────────────────────────────

export interface ReadCall {
  readonly shard: number;
  readonly keyspace: number;
  readonly keys: readonly Uint8Array[];
  readonly freshness: Freshness;
}

export function encodeRead({ shard, keyspace, keys, freshness }: ReadCall): Uint8Array {
  let bytes = HEAD_BYTES;
  for (const key of keys) bytes += key.length + 4;
  const writer = new ByteWriter(bytes);
  writer.varint(shard);
  writer.varint(keyspace);
  writeFreshness(writer, freshness);
  writer.varint(keys.length);
  for (const key of keys) writer.sizedBytes(key);
  return writer.finish();
}

export function decodeRead(body: Uint8Array): ReadCall {
  const reader = new ByteReader(body);
  const shard = reader.varint();
  const keyspace = reader.varint();
  const freshness = readFreshness(reader);
  const count = reader.count(1);
  const keys: Uint8Array[] = [];
  for (let at = 0; at < count; at += 1) keys.push(reader.sizedBytes());
  reader.expectEnd();
  return { shard, keyspace, keys, freshness };
}

/** What an answer to a read may take, unless its first entry alone is larger: the rest is asked for again. */
const MAX_READ_BYTES = 8 * 1024 * 1024;

/** Encodes the first entries, at least one, as many as there is room for. */
export function encodeReadEntries(entries: readonly ReadEntry[]): Uint8Array {
  let bytes = HEAD_BYTES;
  let count = 0;
  for (const { entry } of entries) {
    const size = ENTRY_BYTES + 16 + (entry?.value.length ?? 0);
    if (count > 0 && bytes + size > MAX_READ_BYTES) break;
    bytes += size;
    count += 1;
  }
  const writer = new ByteWriter(bytes);
  writer.varint(count);
  for (const { entry, nowMs, shardRevision } of entries.slice(0, count)) {
    writer.varint(nowMs);
    writer.varint(shardRevision);
    writer.flag(entry !== undefined);
    if (entry !== undefined) writeEntry(writer, entry);
  }
  return writer.finish();
}

export function decodeReadEntries(body: Uint8Array): readonly ReadEntry[] {
  const reader = new ByteReader(body);
  const count = reader.count(3);
  const entries: ReadEntry[] = [];
  for (let at = 0; at < count; at += 1) {
    const nowMs = reader.varint();
    const shardRevision = readRevision(reader);
    entries.push({ nowMs, shardRevision, entry: reader.flag() ? readEntry(reader) : undefined });
  }
  reader.expectEnd();
  return entries;
}

// ── scans ──────────────────────────────────────────────────────────────────

export interface PageSize {
  readonly maxKeys: number;
  readonly maxBytes: number;
  readonly keysOnly: boolean;
}

export interface ScanCall {
  readonly shard: number;
  readonly range: ShardRange;
  readonly page: PageSize;
  readonly freshness: Freshness;
}

export function encodeScan({ shard, range, page, freshness }: ScanCall): Uint8Array {
  const writer = new ByteWriter(HEAD_BYTES + range.from.length + range.to.length);
  writer.varint(shard);
  writer.varint(range.keyspace);
  writer.sizedBytes(range.from);
  writer.flag(range.afterFrom);
  writer.sizedBytes(range.to);
  writer.flag(range.reverse);
  writer.varint(page.maxKeys);
  writer.varint(page.maxBytes);
  writer.flag(page.keysOnly);
  writeFreshness(writer, freshness);
  return writer.finish();
}

export function decodeScan(body: Uint8Array): ScanCall {
  const reader = new ByteReader(body);
  const shard = reader.varint();
  const range = {
    keyspace: reader.varint(),
    from: reader.sizedBytes(),
    afterFrom: reader.flag(),
    to: reader.sizedBytes(),
    reverse: reader.flag(),
  };
  const page = { maxKeys: reader.varint(), maxBytes: reader.varint(), keysOnly: reader.flag() };
  const freshness = readFreshness(reader);
  reader.expectEnd();
  return { shard, range, page, freshness };
}

export function encodePage({ entries, isMore, nowMs, shardRevision }: ShardPage): Uint8Array {
  let bytes = HEAD_BYTES;
  for (const { key, value } of entries) bytes += ENTRY_BYTES + key.length + value.length;
  const writer = new ByteWriter(bytes);
  writer.varint(nowMs);
  writer.varint(shardRevision);
  writer.flag(isMore);
  writer.varint(entries.length);
  for (const entry of entries) {
    writer.sizedBytes(entry.key);
    writeEntry(writer, entry);
  }
  return writer.finish();
}

export function decodePage(body: Uint8Array): ShardPage {
  const reader = new ByteReader(body);
  const nowMs = reader.varint();
  const shardRevision = readRevision(reader);
  const isMore = reader.flag();
  const count = reader.count(4);
  const entries: ScanEntry[] = [];
  for (let at = 0; at < count; at += 1) {
    const key = reader.sizedBytes();
    const { value, revision, expiresAtMs } = readEntry(reader);
    entries.push({ key, value, revision, expiresAtMs });
  }
  reader.expectEnd();
  return { nowMs, shardRevision, isMore, entries };
}

// ── changes ────────────────────────────────────────────────────────────────

export interface ChangesCall {
  readonly shard: number;
  readonly from: number | "now";
  readonly waitMs: number;
}

export function encodeChangesCall({ shard, from, waitMs }: ChangesCall): Uint8Array {
  const writer = new ByteWriter(HEAD_BYTES);
  writer.varint(shard);
  writer.flag(from === "now");
  writer.varint(from === "now" ? 0 : from);
  writer.varint(Math.ceil(waitMs));
  return writer.finish();
}

export function decodeChangesCall(body: Uint8Array): ChangesCall {
  const reader = new ByteReader(body);
  const shard = reader.varint();
  const isNow = reader.flag();
  const from = reader.varint();
  const waitMs = reader.varint();
  reader.expectEnd();
  return { shard, from: isNow ? "now" : from, waitMs };
}

const CHANGES = 1;
const COMPACTED = 2;
const KINDS = ["put", "delete", "expire"] as const satisfies readonly ShardChange["kind"][];

export function encodeHistory(history: ShardHistory): Uint8Array {
  if (history.type === "compacted") {
    const writer = new ByteWriter(16);
    writer.u8(COMPACTED);
    writer.varint(history.oldest);
    return writer.finish();
  }
  let bytes = HEAD_BYTES;
  for (const { key, value } of history.changes)
    bytes += ENTRY_BYTES + 8 + key.length + value.length;
  const writer = new ByteWriter(bytes);
  writer.u8(CHANGES);
  writer.varint(history.progress);
  writer.varint(history.changes.length);
  for (const { kind, keyspace, key, value, revision, expiresAtMs } of history.changes) {
    writer.u8(KINDS.indexOf(kind));
    writer.varint(keyspace);
    writer.sizedBytes(key);
    writeEntry(writer, { value, revision, expiresAtMs });
  }
  return writer.finish();
}

export function decodeHistory(body: Uint8Array): ShardHistory {
  const reader = new ByteReader(body);
  const type = reader.u8();
  if (type === COMPACTED) {
    const oldest = reader.varint();
    reader.expectEnd();
    return { type: "compacted", oldest };
  }
  if (type !== CHANGES) throw new MalformedBytes(`a history of type ${type}`);
  const progress = reader.varint();
  const count = reader.count(6);
  const changes: ShardChange[] = [];
  for (let at = 0; at < count; at += 1) {
    const kind = KINDS[reader.u8()];
    if (kind === undefined) throw new MalformedBytes("a change of no kind");
    const keyspace = reader.varint();
    const key = reader.sizedBytes();
    changes.push({ kind, keyspace, key, ...readEntry(reader) });
  }
  reader.expectEnd();
  return { type: "changes", changes, progress };
}

// ── parts ──────────────────────────────────────────────────────────────────

function writeFreshness(writer: ByteWriter, freshness: Freshness): void {
  writer.flag(freshness.type === "stale");
  if (freshness.type !== "stale") return;
  writer.varint(freshness.maxStalenessMs);
  writer.varint(freshness.atLeast);
}

function readFreshness(reader: ByteReader): Freshness {
  if (!reader.flag()) return { type: "linearizable" };
  return { type: "stale", maxStalenessMs: reader.varint(), atLeast: reader.varint() };
}

function writeEntry(writer: ByteWriter, { value, revision, expiresAtMs }: Entry): void {
  writer.sizedBytes(value);
  writer.varint(revision);
  // A time in the first millisecond of 1970 has long been over.
  writer.varint(expiresAtMs ?? 0);
}

function readEntry(reader: ByteReader): Entry {
  const value = reader.sizedBytes();
  const revision = readRevision(reader);
  const expiresAtMs = reader.varint();
  return { value, revision, expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs };
}

function readRevision(reader: ByteReader): Revision {
  return toRevision(reader.varint());
}
