/** Reads entries back from their places, neighbours together, each checked against its checksum. */

import type { Entry } from "../core/entry.js";
import { decodeEntry } from "./entry-codec.js";
import type { EntryPlace } from "./entry-index.js";
import { RaftWalError } from "./errors.js";
import type { EntrySource, GroupLog } from "./group-log.js";
import type { SegmentFiles } from "./segment-files.js";

/** Gap between two entries (headers, other groups' records) that is cheaper read than skipped. */
const MAX_GAP_BYTES = 4096;
/** One read takes at most so much, unless a single entry is larger. */
const MAX_READ_BYTES = 1024 * 1024;

interface Span {
  readonly segment: number;
  readonly offset: number;
  bytes: number;
  readonly places: EntryPlace[];
}

export class EntryReader implements EntrySource {
  readonly #files: SegmentFiles;

  constructor(files: SegmentFiles) {
    this.#files = files;
  }

  /** Entries `[from, to)` of the group, all of which it holds. Blocks. */
  read(log: GroupLog, from: number, to: number): readonly Entry[] {
    const entries: Entry[] = [];
    for (let index = from; index < to; ) {
      const span = spanFrom(log, index, to);
      const buffer = Buffer.allocUnsafe(span.bytes);
      const count = this.#files.readSync(span.segment, buffer, span.offset);
      const bytes = buffer.subarray(0, count);
      for (const place of span.places) {
        const entry = decodeEntry(bytes, log.group, index, place.offset - span.offset);
        if (entry === undefined) throw damagedEntry(log.group, index, place);
        entries.push(entry);
        index += 1;
      }
    }
    return entries;
  }
}

function spanFrom(log: GroupLog, from: number, to: number): Span {
  const first = placeOf(log, from);
  const span: Span = { ...first, places: [first] };
  for (let index = from + 1; index < to; index += 1) {
    const place = placeOf(log, index);
    const end = span.offset + span.bytes;
    const isNear =
      place.segment === span.segment &&
      place.offset >= end &&
      place.offset - end <= MAX_GAP_BYTES &&
      place.offset + place.bytes - span.offset <= MAX_READ_BYTES;
    if (!isNear) break;
    span.bytes = place.offset + place.bytes - span.offset;
    span.places.push(place);
  }
  return span;
}

function placeOf(log: GroupLog, index: number): EntryPlace {
  const place = log.index.placeAt(index);
  if (place === undefined) throw new Error(`assertion: group ${log.group} has no entry ${index}`);
  return place;
}

function damagedEntry(group: number, index: number, place: EntryPlace): RaftWalError {
  const { segment, offset, bytes } = place;
  const reason = "entry checksum";
  return new RaftWalError({
    code: "RAFT_WAL_DAMAGED",
    message: `entry ${index} of group ${group}, segment ${segment} at ${offset}: ${reason}`,
    damage: {
      regions: [{ segment, offset, bytes, reason, groups: [group] }],
      lost: [{ group, first: index, last: index }],
    },
  });
}
