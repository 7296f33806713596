/**
 * Records: what a frame is made of. Each belongs to one group; later ones win over earlier ones.
 *
 *     header   0  4  bytes of the payload
 *              4  4  number of entries; 0 unless the kind holds entries
 *              8  7  group
 *             15  1  kind
 *             16  8  index: of the first entry, of the snapshot, of the compaction; else 0
 *             24  4  digest of the payload
 *             28  4  CRC-32 of bytes 0 to 27, seeded with the segment's salt
 *     payload 32     see `entry-codec.ts` and `state-codec.ts`; zeros up to a multiple of 8
 *
 * | kind | record      | meaning                                                        |
 * |------|-------------|----------------------------------------------------------------|
 * | 1    | entries     | the log from the first entry's index on is these               |
 * | 2    | relocated   | a copy of live entries, made by garbage collection             |
 * | 3    | hard-state  | term, vote, commit index                                       |
 * | 4    | snapshot    | a snapshot was made here; the log stays                        |
 * | 5    | install     | a snapshot from elsewhere replaces the log                     |
 * | 6    | compact     | entries up to and including this position are forgotten        |
 * | 7    | config      | who is in the group, as `initialState` is to answer            |
 * | 8    | remove      | the group is gone                                              |
 */

import type { ConfigState } from "../core/configuration.js";
import type { Entry } from "../core/entry.js";
import type { LogPosition } from "../core/ids.js";
import type { HardState, Snapshot } from "../core/storage.js";
import {
  alignUp,
  checksum,
  foldChecksum,
  readTag,
  readTaggedValue,
  readU64,
  writeTagged,
  writeU64,
} from "./byte-layout.js";
import { decodeEntries, encodeEntries, entriesBytes } from "./entry-codec.js";
import {
  configBytes,
  decodeConfig,
  decodeHardState,
  decodePosition,
  decodeSnapshot,
  encodeConfig,
  encodeHardState,
  encodePosition,
  encodeSnapshot,
  hardStateBytes,
  POSITION_BYTES,
  snapshotBytes,
} from "./state-codec.js";

export const RECORD_HEADER_BYTES = 32;
const CRC_AT = 28;

export type WalRecord =
  | {
      readonly kind: "entries" | "relocated";
      readonly group: number;
      readonly entries: readonly Entry[];
    }
  | { readonly kind: "hard-state"; readonly group: number; readonly hardState: HardState }
  | { readonly kind: "snapshot" | "install"; readonly group: number; readonly snapshot: Snapshot }
  | { readonly kind: "compact"; readonly group: number; readonly position: LogPosition }
  | { readonly kind: "config"; readonly group: number; readonly config: ConfigState }
  | { readonly kind: "remove"; readonly group: number };

export type RecordKind = WalRecord["kind"];

const KINDS: readonly RecordKind[] = [
  "entries",
  "relocated",
  "hard-state",
  "snapshot",
  "install",
  "compact",
  "config",
  "remove",
];

export interface RecordHeader {
  readonly kind: RecordKind;
  readonly group: number;
  readonly index: number;
  readonly count: number;
  readonly payloadBytes: number;
  readonly payloadDigest: number;
  readonly crc: number;
}

/** Bytes of the record in a frame, padding included. */
export function recordBytes(record: WalRecord): number {
  return RECORD_HEADER_BYTES + alignUp(payloadBytes(record));
}

/**
 * Writes `record` at `at`, in a buffer that is zero where padding will be.
 * @returns the checksum of its header, to fold into the frame's digest
 */
export function encodeRecord(buffer: Buffer, record: WalRecord, at: number, salt: number): number {
  const bytes = payloadBytes(record);
  const digest = encodePayload(buffer, record, at + RECORD_HEADER_BYTES, bytes);
  buffer.writeUInt32LE(bytes, at);
  buffer.writeUInt32LE("entries" in record ? record.entries.length : 0, at + 4);
  writeTagged(buffer, record.group, KINDS.indexOf(record.kind) + 1, at + 8);
  writeU64(buffer, recordIndex(record), at + 16);
  buffer.writeUInt32LE(digest, at + 24);
  const crc = checksum(buffer, at, at + CRC_AT, salt);
  buffer.writeUInt32LE(crc, at + CRC_AT);
  return crc;
}

/** The intact header at `at`, or `undefined`. */
export function decodeRecordHeader(
  buffer: Buffer,
  at: number,
  salt: number,
): RecordHeader | undefined {
  if (buffer.length - at < RECORD_HEADER_BYTES) return undefined;
  const crc = buffer.readUInt32LE(at + CRC_AT);
  const kind = KINDS[readTag(buffer, at + 8) - 1];
  if (kind === undefined || crc !== checksum(buffer, at, at + CRC_AT, salt)) return undefined;
  return {
    kind,
    group: readTaggedValue(buffer, at + 8),
    index: readU64(buffer, at + 16),
    count: buffer.readUInt32LE(at + 4),
    payloadBytes: buffer.readUInt32LE(at),
    payloadDigest: buffer.readUInt32LE(at + 24),
    crc,
  };
}

/**
 * The record whose header is at `at`. Data of entries and snapshots are views of `buffer`.
 * @returns `undefined` when the payload is not what the header vouches for
 */
export function decodeRecord(
  buffer: Buffer,
  header: RecordHeader,
  at: number,
): WalRecord | undefined {
  const from = at + RECORD_HEADER_BYTES;
  const payload = buffer.subarray(from, from + header.payloadBytes);
  if (payload.length !== header.payloadBytes) return undefined;
  try {
    return decodePayload(payload, header);
  } catch (error) {
    // Numbers that no writer writes, or lists past the end: the checksums agree, the sense is gone.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function decodePayload(payload: Buffer, header: RecordHeader): WalRecord | undefined {
  const { kind, group } = header;
  if (kind === "entries" || kind === "relocated") {
    const decoded = decodeEntries(payload, header);
    if (decoded === undefined || decoded.digest !== header.payloadDigest) return undefined;
    return { kind, group, entries: decoded.entries };
  }
  if (foldChecksum(0, checksum(payload, 0, payload.length, 0)) !== header.payloadDigest) {
    return undefined;
  }
  switch (kind) {
    case "hard-state":
      return { kind, group, hardState: decodeHardState(payload) };
    case "snapshot":
    case "install":
      return { kind, group, snapshot: decodeSnapshot(payload) };
    case "compact":
      return { kind, group, position: decodePosition(payload) };
    case "config":
      return { kind, group, config: decodeConfig(payload) };
    case "remove":
      return { kind, group };
  }
}

function payloadBytes(record: WalRecord): number {
  switch (record.kind) {
    case "entries":
    case "relocated":
      return entriesBytes(record.entries);
    case "hard-state":
      return hardStateBytes(record.hardState);
    case "snapshot":
    case "install":
      return snapshotBytes(record.snapshot);
    case "compact":
      return POSITION_BYTES;
    case "config":
      return configBytes(record.config);
    case "remove":
      return 0;
  }
}

function encodePayload(buffer: Buffer, record: WalRecord, at: number, bytes: number): number {
  switch (record.kind) {
    case "entries":
    case "relocated":
      return encodeEntries(buffer, record.group, record.entries, at);
    case "hard-state":
      encodeHardState(buffer, record.hardState, at);
      break;
    case "snapshot":
    case "install":
      encodeSnapshot(buffer, record.snapshot, at);
      break;
    case "compact":
      encodePosition(buffer, record.position, at);
      break;
    case "config":
      encodeConfig(buffer, record.config, at);
      break;
    case "remove":
      break;
  }
  return foldChecksum(0, checksum(buffer, at, at + bytes, 0));
}

function recordIndex(record: WalRecord): number {
  switch (record.kind) {
    case "entries":
    case "relocated":
      return record.entries[0]?.index ?? 0;
    case "snapshot":
    case "install":
      return record.snapshot.meta.index;
    case "compact":
      return record.position.index;
    case "hard-state":
    case "config":
    case "remove":
      return 0;
  }
}
