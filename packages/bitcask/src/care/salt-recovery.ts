/**
 * Finds the salt of a data file whose header is damaged, without which no checksum can be checked. A
 * CRC is linear in its initial value, so the first record alone gives the one salt under which it is
 * sound; the second must confirm it.
 */
import { crc32 } from "node:zlib";
import { DATA_HEADER_BYTES } from "../data-file-header.js";
import type { FileHandle } from "../ports.js";
import {
  createRecordHeader,
  hasValidCrc,
  headerFault,
  RECORD_HEADER_BYTES,
  readRecordHeader,
} from "../record-format.js";

/** Larger records are not read for this. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/** Where the header keeps the salt. */
const SALT_OFFSET = 32;

/**
 * @param hinted the salt that the file's hint names, if there is a sound hint
 * @returns the salt, or `undefined` when nothing proves one
 */
export async function recoverSalt(
  handle: FileHandle,
  fileBytes: number,
  hinted: number | undefined,
): Promise<number | undefined> {
  if (hinted !== undefined) return hinted;
  const first = await readRecord(handle, DATA_HEADER_BYTES, fileBytes);
  if (first === undefined) return undefined;
  const head = Buffer.alloc(DATA_HEADER_BYTES);
  await handle.read(head, 0);
  const written = head.readUInt32LE(SALT_OFFSET);
  if (isSound(first, written)) return written;
  const solved = solveSalt(first);
  const second = await readRecord(handle, DATA_HEADER_BYTES + first.length, fileBytes);
  const isConfirmed = solved !== undefined && second !== undefined && isSound(second, solved);
  return isConfirmed ? solved : undefined;
}

async function readRecord(
  handle: FileHandle,
  position: number,
  fileBytes: number,
): Promise<Buffer | undefined> {
  const available = fileBytes - position;
  if (available < RECORD_HEADER_BYTES) return undefined;
  const head = Buffer.alloc(RECORD_HEADER_BYTES);
  await handle.read(head, position);
  const header = createRecordHeader();
  readRecordHeader(head, 0, header);
  if (headerFault(header, Math.min(available, MAX_RECORD_BYTES)) !== undefined) return undefined;
  const record = Buffer.alloc(header.recordSize);
  await handle.read(record, position);
  return record;
}

function isSound(record: Buffer, salt: number): boolean {
  const header = createRecordHeader();
  readRecordHeader(record, 0, header);
  return header.recordSize === record.length && hasValidCrc(record, 0, header, salt);
}

/** The initial value that gives `record` the CRC it bears: 32 linear equations over GF(2). */
function solveSalt(record: Buffer): number | undefined {
  const body = record.subarray(4);
  const plain = crc32(body, 0);
  // One row per bit of the salt: what it adds to the CRC, and which bits of the salt make up the row.
  const rows = Array.from({ length: 32 }, (_, bit) => ({
    effect: (crc32(body, 2 ** bit) ^ plain) >>> 0,
    bits: 2 ** bit,
  }));
  let wanted = (record.readUInt32LE(0) ^ plain) >>> 0;
  let salt = 0;
  for (let column = 0; column < 32; column += 1) {
    const mask = 2 ** column;
    const index = rows.findIndex(({ effect }) => (effect & mask) >>> 0 !== 0);
    if (index < 0) return undefined;
    const [pivot] = rows.splice(index, 1);
    if (pivot === undefined) return undefined;
    for (const row of rows) {
      if ((row.effect & mask) >>> 0 === 0) continue;
      row.effect = (row.effect ^ pivot.effect) >>> 0;
      row.bits = (row.bits ^ pivot.bits) >>> 0;
    }
    if ((wanted & mask) >>> 0 !== 0) {
      wanted = (wanted ^ pivot.effect) >>> 0;
      salt = (salt ^ pivot.bits) >>> 0;
    }
  }
  return salt;
}
