/**
 * Reads a log in order and tells a tail that a crash tore from damage.
 *
 * Where no frame can be read, two things may have happened: the last batches had not been synced when
 * the power went, or bytes that were durable have rotted. A frame says up to where the file was
 * durable when it was written. So: if any whole frame further on vouches for the bad place, or stands
 * in a later segment (a segment is synced before the next is begun), the place was durable and is
 * damaged. Otherwise it belongs to the unsynced tail and may go. The price of never calling a torn
 * tail damage: rot in the very last batch before an unclean stop looks like a torn tail, because no
 * frame vouches for it yet; a clean close writes one that does.
 */

import type { DamagedRegion, LostEntries } from "./damage.js";
import { salvageRecordHeaders } from "./frame-decoder.js";
import { RECORD_HEADER_BYTES } from "./record.js";
import { SEGMENT_HEADER_BYTES } from "./segment-header.js";
import type { ReadFrame, SegmentReader } from "./segment-reader.js";
import type { SegmentSet } from "./segment-set.js";

/** Called for each frame, in order. @returns what is wrong with its contents, in words */
export type OnFrame = (
  segment: number,
  frame: ReadFrame,
) => string | undefined | Promise<string | undefined>;

/** Where the next frame goes, and what it has to say of the one before. */
export interface LogTail {
  readonly segment: number;
  readonly offset: number;
  /** Up to here the last whole frame vouches that the file was durable. */
  readonly syncedOffset: number;
  /** After the last byte that is not zero: what a crash tore ends here. */
  readonly contentEnd: number;
  readonly sequence: number;
  readonly digest: number;
  /** Frames before `offset` in the segment. */
  readonly framesBefore: number;
}

export interface ScanResult {
  /** The oldest segment that is needed. */
  readonly firstSegment: number;
  /** `undefined` when the damage leaves no place to go on. */
  readonly tail: LogTail | undefined;
  readonly frames: number;
  readonly regions: readonly DamagedRegion[];
  readonly lost: readonly LostEntries[];
}

interface Expected {
  readonly sequence: number;
  readonly digest: number;
}

/**
 * @param restart forgets all frames taken in: they come again, from the right segment on. Without,
 *   they come once, from the first segment of those that follow each other without a gap.
 */
export async function scanLog(
  set: SegmentSet,
  onFrame: OnFrame,
  restart?: () => void,
): Promise<ScanResult> {
  const start = firstOfLastRun(set.readers.map(({ number }) => number));
  const scan = await new LogScanner(set, start, onFrame).run();
  // Only a frame that survives may say where the log begins: one that is torn away with the tail
  // counted on batches that are torn away with it. Older segments, left by a crash, do no harm unless
  // they are damaged: what has overwritten or removed their records is in later ones.
  const isExact = scan.firstSegment === start;
  const isHarmless = scan.firstSegment > start && scan.regions.length === 0;
  if (isExact || isHarmless || restart === undefined) return scan;
  restart();
  return new LogScanner(set, scan.firstSegment, onFrame).run();
}

/** The first of those numbers that lead to the last one without a gap. */
function firstOfLastRun(numbers: readonly number[]): number {
  let first = numbers.at(-1) ?? 1;
  while (numbers.includes(first - 1)) first -= 1;
  return first;
}

class LogScanner {
  readonly #readers: readonly SegmentReader[];
  readonly #start: number;
  readonly #onFrame: OnFrame;
  readonly #regions: DamagedRegion[];
  readonly #lost: LostEntries[] = [];
  #expected: Expected | undefined;
  #frames = 0;
  #framesBefore = 0;
  /** As the last frame says. */
  #firstSegment: number;
  #syncedOffset = SEGMENT_HEADER_BYTES;

  constructor(set: SegmentSet, start: number, onFrame: OnFrame) {
    this.#readers = set.readers.filter(({ number }) => number >= start);
    this.#start = start;
    this.#firstSegment = 1;
    this.#onFrame = onFrame;
    const broken = set.broken.filter(({ segment }) => segment >= start);
    this.#regions = [...broken, ...this.#missing(broken)];
    if (start === 1) this.#expected = { sequence: 1, digest: 0 };
  }

  async run(): Promise<ScanResult> {
    let tail: LogTail | undefined;
    let position = 0;
    let offset = SEGMENT_HEADER_BYTES;
    for (let reader = this.#readers[0]; reader !== undefined; reader = this.#readers[position]) {
      offset = await this.#walk(reader, offset);
      const next = await this.#findNext(position, offset);
      if (next === undefined) {
        tail = await this.#tailAt(reader, offset);
        break;
      }
      if (next.position > position) {
        this.#syncedOffset = SEGMENT_HEADER_BYTES;
        this.#framesBefore = 0;
      }
      ({ position, offset } = next);
    }
    const regions = this.#regions.sort((a, b) => a.segment - b.segment || a.offset - b.offset);
    const { frames, lost } = { frames: this.#frames, lost: this.#lost };
    return { firstSegment: this.#firstSegment, tail, frames, regions, lost };
  }

  /** Takes in frames from `offset` while each continues the one before. @returns where that ends */
  async #walk(reader: SegmentReader, offset: number): Promise<number> {
    let at = offset;
    for (;;) {
      const frame = await reader.frame(at);
      if (typeof frame === "string" || !this.#continues(frame)) return at;
      this.#expected = { sequence: frame.header.sequence + 1, digest: frame.digest };
      this.#syncedOffset = at - frame.header.unsyncedBytes;
      this.#frames += 1;
      this.#firstSegment = frame.header.firstSegment;
      this.#framesBefore = frame.header.framesBefore + 1;
      const problem = await this.#onFrame(reader.number, frame);
      if (problem !== undefined) await this.#note(reader, at, at + frame.bytes, problem);
      at += frame.bytes;
    }
  }

  #continues({ header }: ReadFrame): boolean {
    const expected = this.#expected;
    return (
      expected === undefined ||
      (header.sequence === expected.sequence && header.previousDigest === expected.digest)
    );
  }

  /** Where to go on after a stop at `offset`; notes damage on the way. */
  async #findNext(
    position: number,
    offset: number,
  ): Promise<{ readonly position: number; readonly offset: number } | undefined> {
    const reader = this.#readers[position];
    const following = this.#readers[position + 1];
    if (reader === undefined) return undefined;
    const begin = { position: position + 1, offset: SEGMENT_HEADER_BYTES };
    if (following !== undefined && this.#expected !== undefined) {
      const first = await following.frame(SEGMENT_HEADER_BYTES);
      if (typeof first !== "string" && this.#continues(first)) return begin;
    }
    const later = await this.#laterSegment(position);
    // No frame is missing between here and the next segment: what is bad is the beginning of that.
    const isComplete =
      later?.position === position + 1 && this.#expected?.sequence === later.firstSequence;
    if (isComplete) return begin;
    const witness = await this.#witness(reader, offset, later !== undefined);
    if (witness !== undefined) {
      await this.#note(reader, offset, witness.offset);
      this.#expected = undefined;
      return { position, offset: witness.offset };
    }
    if (later === undefined) return undefined;
    // The tail of a segment before one that is missing is no damage of its own.
    const isMissing = following !== undefined && following.number !== reader.number + 1;
    if (!isMissing) await this.#note(reader, offset, reader.fileBytes);
    this.#expected = undefined;
    return later;
  }

  /** A whole frame at or after `offset` that proves the bytes at `offset` were durable. */
  async #witness(
    reader: SegmentReader,
    offset: number,
    isSealed: boolean,
  ): Promise<ReadFrame | undefined> {
    let frame = await reader.findFrame(offset);
    while (frame !== undefined) {
      if (isSealed || frame.offset - frame.header.unsyncedBytes > offset) return frame;
      frame = await reader.findFrame(frame.offset + frame.bytes);
    }
    return undefined;
  }

  async #laterSegment(position: number) {
    for (let later = position + 1; later < this.#readers.length; later += 1) {
      const frame = await this.#readers[later]?.findFrame(SEGMENT_HEADER_BYTES);
      if (frame === undefined) continue;
      const firstSequence = frame.header.sequence - frame.header.framesBefore;
      return { position: later, offset: SEGMENT_HEADER_BYTES, firstSequence };
    }
    return undefined;
  }

  async #tailAt(reader: SegmentReader, offset: number): Promise<LogTail | undefined> {
    if (this.#expected === undefined) return undefined;
    const contentEnd = await reader.endOfContent(offset);
    return {
      segment: reader.number,
      offset,
      syncedOffset: this.#syncedOffset,
      contentEnd,
      framesBefore: this.#framesBefore,
      ...this.#expected,
    };
  }

  /** Adds a damaged region with the groups and entries whose records can be recognised in it. */
  async #note(reader: SegmentReader, from: number, to: number, problem?: string): Promise<void> {
    const found = await reader.frame(from);
    const reason =
      problem ?? (typeof found === "string" ? found : "frames are missing before this");
    const groups = new Set<number>();
    for (let at = from; at < to; at += SALVAGE_BYTES) {
      // Headers that straddle two pieces are found in the second: it begins a header earlier.
      const begin = Math.max(from, at - RECORD_HEADER_BYTES + 8);
      const bytes = await reader.bytes(begin, Math.min(at + SALVAGE_BYTES, to) - begin);
      for (const header of salvageRecordHeaders(bytes, reader.header.salt)) {
        groups.add(header.group);
        const { group, index: first, count } = header;
        if (count > 0) this.#lost.push({ group, first, last: first + count - 1 });
      }
    }
    const sorted = [...groups].sort((a, b) => a - b);
    const region = { segment: reader.number, offset: from, bytes: to - from, reason };
    this.#regions.push({ ...region, groups: sorted });
  }

  #missing(broken: readonly DamagedRegion[]): DamagedRegion[] {
    const present = new Set([
      ...this.#readers.map(({ number }) => number),
      ...broken.map(({ segment }) => segment),
    ]);
    const last = Math.max(this.#start, ...present);
    const missing: DamagedRegion[] = [];
    for (let segment = this.#start; segment <= last; segment += 1) {
      if (present.has(segment)) continue;
      missing.push({ segment, offset: 0, bytes: 0, reason: "the file is missing", groups: [] });
    }
    return missing;
  }
}

const SALVAGE_BYTES = 1024 * 1024;
