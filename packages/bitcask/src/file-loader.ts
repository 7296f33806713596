/**
 * Reads what one data file holds into the index: by its hint where there is a sound one, by its
 * records otherwise. Decides what damage means.
 *
 * Damage is a *torn tail* only in the active file, behind everything known to have been synced, with
 * no later record proving that those bytes had been synced too. Everything else is corruption and
 * refused, with file, offset and what is lost (Alagappan et al., FAST 2018: cutting at the first bad
 * checksum can cut acknowledged data).
 */

import { BatchAssembler } from "./batch-assembler.js";
import { asBuffer } from "./bytes.js";
import type { DataFile } from "./data-file.js";
import { DATA_HEADER_BYTES } from "./data-file-header.js";
import { BitcaskError } from "./errors.js";
import type { LoadedHint } from "./hint-file.js";
import { createHintEntry, hintedRecordSize, readHintEntry } from "./hint-format.js";
import type { IndexLoader, LoadedRecord } from "./index-loader.js";
import { KeySlice } from "./keydir/key-probe.js";
import type { FileHandle } from "./ports.js";
import {
  CONTROL,
  CONTROL_TIME_FLOOR,
  type RecordHeader,
  readUint64,
  syncedBefore,
} from "./record-format.js";
import {
  findWitness,
  isZeroed,
  type RecordVisitor,
  type ScanEnd,
  type ScanSource,
  scanRecords,
} from "./record-scanner.js";

export interface FileScan {
  /** End of the last whole record or batch; what lies behind is to be cut. */
  readonly end: number;
  /** Why scanning stopped before the end of the file. */
  readonly fault: string | undefined;
  /** Bytes that later records prove to have been synced. */
  readonly provenDurable: number;
  readonly recordCount: number;
}

/** Loads every entry of a hint. @returns a string saying why the hint is of no use */
export function loadHint(
  loader: IndexLoader,
  file: DataFile,
  hint: LoadedHint,
): string | undefined {
  const fault = checkEntries(hint, file);
  if (fault !== undefined) return fault;
  const entry = createHintEntry();
  const key = new KeySlice();
  loader.expect(hint.entryCount);
  for (const entries of hint.chunks) {
    key.bytes = entries;
    for (let at = 0; at < entries.length; at = entry.end) {
      readHintEntry(entries, at, entry);
      const { flags, sequence, expiresAt, position } = entry;
      const recordSize = hintedRecordSize(entry);
      key.start = entry.keyStart;
      key.length = entry.keySize;
      loader.load(file, { flags, sequence, expiresAt, position, recordSize }, key);
    }
    loader.flush();
  }
  return undefined;
}

/** A hint is used whole or not at all, so it is looked through before the first entry counts. */
function checkEntries({ chunks, entryCount, coveredBytes }: LoadedHint, file: DataFile) {
  const entry = createHintEntry();
  let count = 0;
  for (const entries of chunks) {
    for (let at = 0; at < entries.length; at = entry.end) {
      if (!readHintEntry(entries, at, entry)) return "an entry is cut short";
      const end = entry.position + hintedRecordSize(entry);
      const isControl = (entry.flags & CONTROL) !== 0;
      if (entry.position < DATA_HEADER_BYTES || (end > coveredBytes && !isControl)) {
        return `an entry points outside of ${file.path}`;
      }
      if (entry.keySize === 0 && !isControl) return "an entry has no key";
      count += 1;
    }
  }
  return count === entryCount ? undefined : "number of entries";
}

/**
 * Loads the records from `from` to `to`.
 * @throws BitcaskError `BITCASK_CORRUPT`, `BITCASK_NEWER_FORMAT`
 */
export async function loadRecords(
  loader: IndexLoader,
  file: DataFile,
  handle: FileHandle,
  range: { readonly from: number; readonly to: number },
): Promise<FileScan> {
  const { from, to } = range;
  let recordCount = 0;
  let provenDurable = 0;
  let lastSequence = 0;
  let whole = from;
  let refusal: BitcaskError | undefined;
  let brokenAt: number | undefined;
  const batches = new BatchAssembler<LoadedRecord>((record, key) =>
    loader.loadCopy(file, record, key),
  );
  const source = { handle, salt: file.salt, cipher: file.cipher, path: file.path };
  const visit: RecordVisitor = (header, buffer, at, position) => {
    if (brokenAt !== undefined || refusal !== undefined) return;
    refusal = unsupported(file, header, buffer, at, position);
    if (refusal !== undefined) return;
    const keyStart = at + header.keyStart;
    const key = buffer.subarray(keyStart, keyStart + header.keySize);
    if (!batches.add(toLoaded(header, buffer, at, position), key, position)) {
      brokenAt = position;
      return;
    }
    recordCount += 1;
    lastSequence = header.sequence;
    provenDurable = Math.max(provenDurable, syncedBefore(header, position));
    if (batches.openSince === undefined) whole = position + header.recordSize;
  };
  const stop = await scanToReserve(file, source, range, visit);
  if (refusal !== undefined) throw refusal;
  if (brokenAt !== undefined) {
    throw corrupt(file, brokenAt, to, batches.fault ?? "broken batch");
  }
  const fault =
    stop.fault ?? (batches.openSince === undefined ? undefined : "a batch without its end");
  if (fault === undefined) return { end: stop.offset, fault, provenDurable, recordCount };
  const isSynced = file.isSealed || stop.offset < file.durableSize || whole < file.durableSize;
  if (isSynced || stop.offset < provenDurable) throw corrupt(file, stop.offset, to, fault);
  if (stop.fault !== undefined) {
    const witness = await findWitness(source, stop.offset, to, lastSequence);
    if (witness !== undefined) {
      throw corrupt(
        file,
        stop.offset,
        to,
        `${fault}, yet the record at ${witness} proves it synced`,
      );
    }
  }
  return { end: whole, fault, provenDurable: Math.min(provenDurable, whole), recordCount };
}

/** Scans up to the zeros that a file which takes writes may end with. They are no fault. */
async function scanToReserve(
  file: DataFile,
  source: ScanSource,
  { from, to }: { readonly from: number; readonly to: number },
  visit: RecordVisitor,
): Promise<ScanEnd> {
  let stop = await scanRecords(source, from, to, visit);
  while (stop.fault !== undefined) {
    const { offset } = stop;
    const mayBeReserve = !file.isSealed && offset >= file.durableSize;
    if (mayBeReserve && (await isZeroed(source, offset, to))) return { offset, fault: undefined };
    // A writer beside us fills its reserve. Whatever lies behind this place was written after it: so
    // it is looked at once more now, and only then called damage.
    stop = await scanRecords(source, offset, to, visit);
    if (stop.offset === offset) break;
  }
  return stop;
}

function toLoaded(
  header: Readonly<RecordHeader>,
  buffer: Buffer,
  at: number,
  position: number,
): LoadedRecord {
  const { flags, sequence, recordSize } = header;
  const isControl = (flags & CONTROL) !== 0;
  const expiresAt = isControl ? readUint64(buffer, at + header.keyStart + 1) : header.expiresAt;
  return { flags, sequence, recordSize, position, expiresAt };
}

/** Sound records that this release does not understand. */
export function unsupported(
  file: Pick<DataFile, "path">,
  header: Readonly<RecordHeader>,
  buffer: Buffer,
  at: number,
  position: number,
): BitcaskError | undefined {
  const valueStart = at + header.keyStart + header.keySize;
  const isKnownControl =
    buffer[valueStart] === CONTROL_TIME_FLOOR && header.valueSize === TIME_FLOOR_BYTES;
  if (!(header.flags & CONTROL) || isKnownControl) return undefined;
  return new BitcaskError({
    code: "BITCASK_NEWER_FORMAT",
    message:
      `${file.path} has a record at ${position} of a kind that this release does not know; ` +
      "open the store with a newer release of @titan/bitcask",
    file: file.path,
    offset: position,
  });
}

/** Size of a time floor's value: its kind and a u64. */
export const TIME_FLOOR_BYTES = 9;

/** The value of a time floor. */
export function encodeTimeFloor(floor: number): Uint8Array {
  const value = asBuffer(new Uint8Array(TIME_FLOOR_BYTES));
  value[0] = CONTROL_TIME_FLOOR;
  value.writeUInt32LE(floor >>> 0, 1);
  value.writeUInt32LE(Math.floor(floor / 2 ** 32), 5);
  return value;
}

function corrupt(file: DataFile, offset: number, to: number, fault: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_CORRUPT",
    message:
      `${file.path} is damaged at offset ${offset}: ${fault}. The ${to - offset} bytes from there ` +
      "on had been stored for good and cannot be trusted; nothing was changed. Restore the file from a copy",
    file: file.path,
    offset,
  });
}
