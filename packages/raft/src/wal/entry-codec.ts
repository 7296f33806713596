/**
 * Entries in a record: contiguous, ascending, each with a checksum of its own, because each is read
 * alone. Its seed comes from group and index, so an entry found in another's place does not pass.
 *
 *     0  4  CRC-32 of all that follows
 *     4  4  bytes of the data
 *     8  7  term
 *    15  1  type: 1 normal, 2 config-change, 3 single-config-change
 *    16     data
 *
 * The digest of the payload folds the entries' checksums: their data are not summed twice.
 */

import type { Entry, EntryType } from "../core/entry.js";
import { toLogIndex, toTerm } from "../core/ids.js";
import { checksum, foldChecksum, readTag, readTaggedValue, writeTagged } from "./byte-layout.js";

export const ENTRY_HEADER_BYTES = 16;

const TYPES: readonly EntryType[] = ["normal", "config-change", "single-config-change"];

/** Bytes of the entry on disk. */
export function storedEntryBytes(entry: Entry): number {
  return ENTRY_HEADER_BYTES + entry.data.length;
}

export function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += storedEntryBytes(entry);
  return bytes;
}

/** Writes `entries` at `at`. @returns the digest of the payload */
export function encodeEntries(
  buffer: Buffer,
  group: number,
  entries: readonly Entry[],
  at: number,
): number {
  let digest = 0;
  let position = at;
  for (const entry of entries) {
    const end = position + storedEntryBytes(entry);
    buffer.writeUInt32LE(entry.data.length, position + 4);
    writeTagged(buffer, entry.term, TYPES.indexOf(entry.type) + 1, position + 8);
    buffer.set(entry.data, position + ENTRY_HEADER_BYTES);
    const crc = checksum(buffer, position + 4, end, seedOf(group, entry.index));
    buffer.writeUInt32LE(crc, position);
    digest = foldChecksum(digest, crc);
    position = end;
  }
  return digest;
}

/** Entries that fill `payload` exactly, or `undefined`. Their data are views of it. */
export function decodeEntries(
  payload: Buffer,
  header: { readonly group: number; readonly index: number; readonly count: number },
): { readonly entries: readonly Entry[]; readonly digest: number } | undefined {
  const entries: Entry[] = [];
  let digest = 0;
  let position = 0;
  for (let offset = 0; offset < header.count; offset += 1) {
    const entry = decodeEntry(payload, header.group, header.index + offset, position);
    if (entry === undefined) return undefined;
    digest = foldChecksum(digest, payload.readUInt32LE(position));
    entries.push(entry);
    position += storedEntryBytes(entry);
  }
  return position === payload.length ? { entries, digest } : undefined;
}

/** The entry at `at`, or `undefined` when it is not the intact entry `index` of `group`. */
export function decodeEntry(
  buffer: Buffer,
  group: number,
  index: number,
  at: number,
): Entry | undefined {
  if (buffer.length - at < ENTRY_HEADER_BYTES) return undefined;
  const dataFrom = at + ENTRY_HEADER_BYTES;
  const end = dataFrom + buffer.readUInt32LE(at + 4);
  if (end > buffer.length) return undefined;
  if (buffer.readUInt32LE(at) !== checksum(buffer, at + 4, end, seedOf(group, index))) {
    return undefined;
  }
  const type = TYPES[readTag(buffer, at + 8) - 1];
  if (type === undefined) return undefined;
  const term = toTerm(readTaggedValue(buffer, at + 8));
  return { term, index: toLogIndex(index), type, data: buffer.subarray(dataFrom, end) };
}

function seedOf(group: number, index: number): number {
  return (Math.imul(group, 0x85ebca6b) ^ index) >>> 0;
}
