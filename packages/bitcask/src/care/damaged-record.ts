/** What a damaged record may still tell of itself. */
import { asBuffer } from "../bytes.js";
import type { FileHandle } from "../ports.js";
import {
  CONTROL,
  createRecordHeader,
  ENCRYPTED,
  headerFault,
  RECORD_HEADER_BYTES,
  readRecordHeader,
  TOMBSTONE,
} from "../record-format.js";
import type { LostRecord } from "./damage.js";
import type { ByteRange } from "./record-walk.js";

/**
 * The record that lay in `range`, when its sizes still fill the range exactly: then the damage hit its
 * value, its key or its checksum, and the key is probably right.
 */
export function probableRecord(handle: FileHandle, range: ByteRange): LostRecord | undefined {
  const bytes = range.to - range.from;
  if (bytes < RECORD_HEADER_BYTES) return undefined;
  const head = Buffer.alloc(RECORD_HEADER_BYTES + 8);
  handle.readSync(head.subarray(0, Math.min(head.length, bytes)), range.from);
  const header = createRecordHeader();
  readRecordHeader(head, 0, header);
  const fits = header.recordSize === bytes && headerFault(header, bytes) === undefined;
  if (!fits || header.flags & (CONTROL | ENCRYPTED)) return undefined;
  const key = new Uint8Array(header.keySize);
  handle.readSync(asBuffer(key), range.from + header.keyStart);
  const isDeletion = (header.flags & TOMBSTONE) !== 0;
  return { key, sequence: header.sequence, isDeletion, source: "record" };
}
