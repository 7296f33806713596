/**
 * The latest changes of a shard, for those who watch it: in memory, bounded, the oldest dropped first.
 *
 * They are copied into segments of plain bytes and taken out again when somebody reads: a busy shard keeps many, and as
 * objects they would burden the garbage collector, and hold on to whole frames of the network. A segment is dropped as
 * a whole. A change in a segment:
 *
 *     kind (1 byte), bytes of key and stored record (u32 each), revision (f64), store key, stored record of a put
 *
 * all little-endian. Invariant: every change with a revision above `floor` is here, in the order of the log.
 */
import { fromStoreKey } from "../kv/keyspace.js";
import { toRevision } from "../kv/revision.js";
import { MalformedBytes } from "../wire/byte-reader.js";
import type { ShardChange, ShardHistory } from "./shard-replica.js";
import { decodeStoredRecord, STORED_RECORD_HEADER_BYTES } from "./stored-record.js";

export interface HistoryLimits {
  readonly changes: number;
  /** Keys and values, and what describes them. */
  readonly bytes: number;
}

export type ChangeKind = ShardChange["kind"];

interface Segment {
  readonly bytes: Buffer;
  length: number;
  changes: number;
  lastRevision: number;
  /** Where every `MARK_EVERY`th change begins, and its revision. */
  readonly marks: { readonly at: number; readonly revision: number }[];
}

const KINDS: readonly ChangeKind[] = ["put", "delete", "expire"];
const NOTHING = new Uint8Array(0);
const CHANGE_HEADER_BYTES = 17;
/** version (1 byte), floor (f64) */
const ENCODED_HEADER_BYTES = 9;
const VERSION = 2;
const MARK_EVERY = 32;
/** Segments that a full history is cut into, about. */
const SEGMENTS = 16;
const LEAST_SEGMENT_BYTES = 256;

export class ChangeHistory {
  readonly #limits: HistoryLimits;
  readonly #segmentBytes: number;
  readonly #segmentChanges: number;
  #segments: Segment[] = [];
  #changes = 0;
  #bytes = 0;
  #floor = 0;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
    this.#segmentBytes = Math.max(LEAST_SEGMENT_BYTES, Math.ceil(limits.bytes / SEGMENTS));
    this.#segmentChanges = Math.max(1, Math.ceil(limits.changes / SEGMENTS));
  }

  /** All changes with a revision above this one are known. */
  get floor(): number {
    return this.#floor;
  }

  /** Revision of the last change; the floor when there is none. */
  get latest(): number {
    return this.#segments.at(-1)?.lastRevision ?? this.#floor;
  }

  /**
   * Takes a change with a revision no lower than those before; drops the oldest beyond the limits.
   * @param stored of a put, as in `stored-record.ts`
   */
  add(
    kind: ChangeKind,
    revision: number,
    storeKey: Uint8Array,
    stored: Uint8Array = NOTHING,
  ): void {
    const size = CHANGE_HEADER_BYTES + storeKey.length + stored.length;
    const segment = this.#segmentFor(size);
    const { bytes, length: at } = segment;
    bytes[at] = KINDS.indexOf(kind);
    bytes.writeUInt32LE(storeKey.length, at + 1);
    bytes.writeUInt32LE(stored.length, at + 5);
    bytes.writeDoubleLE(revision, at + 9);
    bytes.set(storeKey, at + CHANGE_HEADER_BYTES);
    bytes.set(stored, at + CHANGE_HEADER_BYTES + storeKey.length);
    if (segment.changes % MARK_EVERY === 0) segment.marks.push({ at, revision });
    segment.length += size;
    segment.changes += 1;
    segment.lastRevision = revision;
    this.#changes += 1;
    this.#bytes += size;
    const { changes: mostChanges, bytes: mostBytes } = this.#limits;
    while (this.#changes > mostChanges || this.#bytes > mostBytes) this.#dropOldest();
  }

  /** Forgets everything: changes from `floor` on are to come. */
  reset(floor: number): void {
    this.#segments = [];
    this.#changes = 0;
    this.#bytes = 0;
    this.#floor = floor;
  }

  /**
   * Changes with revisions in `(from, through]`, as many as fit the page; those of one revision stay together.
   * @param through everything up to here has been applied
   * @returns keys and values are views, to be used soon: they keep more than themselves in memory
   */
  read(
    from: number,
    through: number,
    page: { readonly changes: number; readonly bytes: number },
  ): ShardHistory {
    if (from < this.#floor) return { type: "compacted", oldest: this.#floor };
    const changes: ShardChange[] = [];
    let bytes = 0;
    for (const segment of this.#segments) {
      if (segment.lastRevision <= from) continue;
      for (let at = startIn(segment, from); at < segment.length; ) {
        const end = changeEnd(segment.bytes, at);
        const revision = segment.bytes.readDoubleLE(at + 9);
        if (revision > through) break;
        if (revision > from) {
          const last = changes.at(-1);
          const isFull = changes.length >= page.changes || bytes >= page.bytes;
          if (isFull && last !== undefined && last.revision !== revision) {
            return { type: "changes", changes, progress: last.revision };
          }
          changes.push(changeAt(segment.bytes, at, end));
          bytes += end - at;
        }
        at = end;
      }
    }
    return { type: "changes", changes, progress: Math.max(from, through) };
  }

  /** All of it; inverse of {@link ChangeHistory.load}. Taken when no change beyond what is applied is here. */
  encode(): Uint8Array {
    const header = Buffer.alloc(ENCODED_HEADER_BYTES);
    header[0] = VERSION;
    header.writeDoubleLE(this.#floor, 1);
    return Buffer.concat([
      header,
      ...this.#segments.map(({ bytes, length }) => bytes.subarray(0, length)),
    ]);
  }

  /** Takes over what another one encoded, within this one's limits. @throws MalformedBytes, changing nothing */
  load(encoded: Uint8Array): void {
    const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
    if (bytes.length < ENCODED_HEADER_BYTES || bytes[0] !== VERSION) {
      throw new MalformedBytes("no history of this version");
    }
    const floor = bytes.readDoubleLE(1);
    checkHistory(bytes, floor);
    this.reset(floor);
    for (let at = ENCODED_HEADER_BYTES; at < bytes.length; ) {
      const end = changeEnd(bytes, at);
      const kind = KINDS[bytes[at] ?? 0] ?? "put";
      const keyEnd = at + CHANGE_HEADER_BYTES + bytes.readUInt32LE(at + 1);
      const storeKey = bytes.subarray(at + CHANGE_HEADER_BYTES, keyEnd);
      this.add(kind, bytes.readDoubleLE(at + 9), storeKey, bytes.subarray(keyEnd, end));
      at = end;
    }
  }

  /** The last segment, or a new one when it is full. */
  #segmentFor(size: number): Segment {
    const last = this.#segments.at(-1);
    const hasRoom =
      last !== undefined &&
      last.length + size <= last.bytes.length &&
      last.changes < this.#segmentChanges;
    if (hasRoom) return last;
    const segment: Segment = {
      // Not from the pool of small buffers, which it would keep.
      bytes: Buffer.allocUnsafeSlow(Math.max(size, this.#nextSegmentBytes())),
      length: 0,
      changes: 0,
      lastRevision: 0,
      marks: [],
    };
    this.#segments.push(segment);
    return segment;
  }

  /** Those of a shard that sees few changes begin small. */
  #nextSegmentBytes(): number {
    return Math.min(this.#segmentBytes, Math.max(LEAST_SEGMENT_BYTES, this.#bytes));
  }

  #dropOldest(): void {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return;
    this.#changes -= oldest.changes;
    this.#bytes -= oldest.length;
    this.#floor = oldest.lastRevision;
  }
}

/** Where to begin in a segment to find the first change behind `from`. */
function startIn({ marks }: Segment, from: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((marks[middle]?.revision ?? 0) > from) high = middle;
    else low = middle + 1;
  }
  return marks[low - 1]?.at ?? 0;
}

function changeEnd(bytes: Buffer, at: number): number {
  return at + CHANGE_HEADER_BYTES + bytes.readUInt32LE(at + 1) + bytes.readUInt32LE(at + 5);
}

function changeAt(bytes: Buffer, at: number, end: number): ShardChange {
  const keyAt = at + CHANGE_HEADER_BYTES;
  const keyEnd = keyAt + bytes.readUInt32LE(at + 1);
  const entry = keyEnd < end ? decodeStoredRecord(bytes.subarray(keyEnd, end)) : undefined;
  return {
    kind: KINDS[bytes[at] ?? 0] ?? "put",
    keyspace: bytes.readUInt16BE(keyAt),
    key: fromStoreKey(bytes.subarray(keyAt, keyEnd)),
    value: entry?.value ?? NOTHING,
    revision: toRevision(bytes.readDoubleLE(at + 9)),
    expiresAtMs: entry?.expiresAtMs,
  };
}

/** @throws MalformedBytes unless it is made of whole changes, in the order of their revisions */
function checkHistory(bytes: Buffer, floor: number): void {
  let revision = floor;
  let at = ENCODED_HEADER_BYTES;
  while (at < bytes.length) {
    if (bytes.length - at < CHANGE_HEADER_BYTES) throw new MalformedBytes("truncated");
    const kind = KINDS[bytes[at] ?? 0];
    const keyBytes = bytes.readUInt32LE(at + 1);
    const storedBytes = bytes.readUInt32LE(at + 5);
    const next = bytes.readDoubleLE(at + 9);
    const isWhole =
      keyBytes >= 2 &&
      (kind === "put" ? storedBytes >= STORED_RECORD_HEADER_BYTES : storedBytes === 0);
    const isInOrder = Number.isSafeInteger(next) && next >= revision && next > floor;
    if (kind === undefined || !isWhole || !isInOrder) throw new MalformedBytes("no change");
    revision = next;
    at = changeEnd(bytes, at);
  }
  if (!Number.isSafeInteger(floor) || floor < 0 || at !== bytes.length) {
    throw new MalformedBytes("no history");
  }
}
