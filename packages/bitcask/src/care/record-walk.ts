/**
 * Walks a data file past its damage: what is no record is reported as a range, and the walk goes on at
 * the next sound record. That is where the hint says, or else the first place whose checksum fits.
 */
import {
  createRecordHeader,
  EXPIRY_BYTES,
  hasValidCrc,
  headerFault,
  RECORD_HEADER_BYTES,
  readRecordHeader,
} from "../record-format.js";
import {
  everyMegabyte,
  FileWindow,
  type RecordVisitor,
  type ScanSource,
  scanRecords,
  type WindowedFile,
} from "../record-scanner.js";

/** More writes than a store can have seen. Keeps most bytes that are no record from looking like one. */
const SEQUENCE_LIMIT = 2 ** 48;

/** A half-open range of bytes. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface WalkVisitor {
  readonly record: RecordVisitor;
  /** Asked first: nothing but zeros from `offset` on, which are a reserve and no damage? */
  isReserve(offset: number): Promise<boolean>;
  /** Asked at each damage. @returns false to end the walk there */
  mayGoOn(offset: number, what: string): Promise<boolean>;
  /** Where the damaged record at `offset` ends, if that is known. */
  nextKnown(offset: number): number | undefined;
  /** Nothing in `range` is a record; the walk goes on behind it. */
  damage(range: ByteRange, what: string): void;
  /** Awaited about once per megabyte, with the position reached. */
  progress(position: number): Promise<void>;
}

/** Visits everything in `range`. */
export async function walkRecords(
  source: ScanSource,
  range: ByteRange,
  visitor: WalkVisitor,
): Promise<void> {
  let position = range.from;
  let lookedAgainAt = -1;
  while (position < range.to) {
    let reached = position;
    const visit: RecordVisitor = (header, buffer, at, place) => {
      reached = place;
      visitor.record(header, buffer, at, place);
    };
    const progress = everyMegabyte(() => visitor.progress(reached));
    const stop = await scanRecords(source, position, range.to, visit, progress);
    if (stop.fault === undefined || (await visitor.isReserve(stop.offset))) return;
    if (stop.offset !== lookedAgainAt) {
      // A writer beside us may have gone on here meanwhile; see `file-loader.ts`.
      position = stop.offset;
      lookedAgainAt = position;
      continue;
    }
    if (!(await visitor.mayGoOn(stop.offset, stop.fault))) return;
    const known = visitor.nextKnown(stop.offset);
    const next = known ?? (await findNextRecord(source, stop.offset + 1, range.to));
    visitor.damage({ from: stop.offset, to: next }, stop.fault);
    position = next;
  }
}

/** @returns the first offset in `[from, to)` where a record with a fitting checksum begins, or `to` */
export async function findNextRecord(
  source: WindowedFile & Pick<ScanSource, "salt">,
  from: number,
  to: number,
): Promise<number> {
  const window = new FileWindow(source, to);
  const header = createRecordHeader();
  for (let position = from; to - position >= RECORD_HEADER_BYTES; position += 1) {
    const available = to - position;
    const shown = window.show(position, Math.min(RECORD_HEADER_BYTES + EXPIRY_BYTES, available));
    let at = typeof shown === "number" ? shown : await shown;
    readRecordHeader(window.buffer, at, header);
    if (header.sequence >= SEQUENCE_LIMIT) continue;
    if (headerFault(header, available) !== undefined) continue;
    at = await window.show(position, header.recordSize);
    if (hasValidCrc(window.buffer, at, header, source.salt)) return position;
  }
  return to;
}
