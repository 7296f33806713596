/**
 * Frees segments, oldest first. What is live in the oldest one is copied to the end of the log; when
 * the copies are durable, a frame says that the log begins later; when that is durable, the file goes.
 * A crash at any point leaves either the old segment needed and there, or not needed.
 *
 * Oldest first, because then whatever overwrote or removed a record stands in a later segment than
 * the record, and no forgotten record ever comes back.
 */

import type { ActiveSegment } from "./active-segment.js";
import type { AppendQueue } from "./append-queue.js";
import { RaftWalError } from "./errors.js";
import { FRAME_OVERHEAD_BYTES } from "./frame.js";
import type { EntrySource, GroupLog } from "./group-log.js";
import type { WalHealth } from "./health.js";
import type { GroupBytes, LiveBytes } from "./live-bytes.js";
import type { ResolvedWalOptions } from "./options.js";
import type { FileSystem } from "./ports.js";
import { RECORD_HEADER_BYTES, recordBytes, type WalRecord } from "./record.js";
import type { SegmentFiles } from "./segment-files.js";
import { SEGMENT_HEADER_BYTES } from "./segment-header.js";
import { removeFile } from "./small-file.js";

/** Bytes that one copying frame holds at most, unless one entry is larger. */
const MAX_COPY_BYTES = 256 * 1024;

/** What one run did. */
export interface CollectReport {
  readonly segmentsFreed: number;
  readonly bytesFreed: number;
  /** Bytes of live records that were copied on. */
  readonly bytesCopied: number;
}

/** A segment that cannot go yet, and who needs it: the host may snapshot and compact those groups. */
export interface PinnedSegment {
  readonly segment: number;
  readonly fileBytes: number;
  readonly liveBytes: number;
  /** The greediest first. */
  readonly groups: readonly GroupBytes[];
}

export interface CollectorDeps {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly files: SegmentFiles;
  readonly live: LiveBytes;
  readonly groups: ReadonlyMap<number, GroupLog>;
  readonly source: EntrySource;
  readonly active: ActiveSegment;
  readonly queue: AppendQueue;
  readonly health: WalHealth;
  readonly options: ResolvedWalOptions;
}

export class GarbageCollector {
  readonly #deps: CollectorDeps;
  #running: Promise<CollectReport> | undefined;

  constructor(deps: CollectorDeps) {
    this.#deps = deps;
  }

  /** Whether a run would free something. */
  get isWorthwhile(): boolean {
    return this.#shouldCollect(this.#oldest());
  }

  /** Frees what may be freed by the rules of `rewriteLiveShare`. Concurrent calls share a run. */
  collect(): Promise<CollectReport> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async settle(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  pinned(): readonly PinnedSegment[] {
    const { files, live, active } = this.#deps;
    return [...files.numbers()]
      .filter((number) => number !== active.number)
      .map((segment) => ({
        segment,
        fileBytes: files.get(segment)?.bytes ?? 0,
        liveBytes: live.of(segment),
        groups: live.groupsOf(segment),
      }));
  }

  async #run(): Promise<CollectReport> {
    let segmentsFreed = 0;
    let bytesFreed = 0;
    let bytesCopied = 0;
    // What this run itself writes is for the next one: a run must end.
    const end = this.#deps.active.number;
    for (let oldest = this.#oldest(); oldest < end; oldest = this.#oldest()) {
      if (!this.#shouldCollect(oldest)) break;
      bytesCopied += await this.#copyLive(oldest);
      bytesFreed += await this.#free(oldest);
      segmentsFreed += 1;
    }
    return { segmentsFreed, bytesFreed, bytesCopied };
  }

  #oldest(): number {
    for (const number of this.#deps.files.numbers()) return number;
    throw new Error("assertion: a log has at least one segment");
  }

  #shouldCollect(segment: number): boolean {
    const { files, live, active, health, options } = this.#deps;
    if (segment === active.number || health.isPoisoned) return false;
    const fileBytes = files.get(segment)?.bytes ?? 0;
    if (live.of(segment) <= fileBytes * options.rewriteLiveShare) return true;
    // A full old segment before many dead ones: copying it is cheaper than keeping them.
    const sealedBytes = files.totalBytes - (files.get(active.number)?.bytes ?? 0);
    const dead = sealedBytes - live.total;
    return dead > live.total && dead > 2 * fileBytes;
  }

  /** @returns bytes copied */
  async #copyLive(segment: number): Promise<number> {
    const { live, queue, options } = this.#deps;
    const usual = Math.min(MAX_COPY_BYTES, options.maxBatchBytes);
    const steps = [FRAME_OVERHEAD_BYTES, usual, options.segmentBytes - SEGMENT_HEADER_BYTES];
    let step = 0;
    let copied = 0;
    while (live.of(segment) > 0) {
      // First what fits the room that is left; when nothing does, ask for more of it.
      const reserved = steps[step];
      if (reserved === undefined) throw tooLarge(segment);
      let bytes = 0;
      const copy = (room: number) => {
        const limit = Math.min(room, Math.max(usual, reserved)) - FRAME_OVERHEAD_BYTES;
        const records = [...this.#liveRecords(segment, limit)];
        bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
        return records;
      };
      await queue.appendLate(copy, reserved);
      copied += bytes;
      step = bytes === 0 ? step + 1 : 0;
    }
    return copied;
  }

  /** Live records of `segment`, as many as fit `limit` bytes. */
  *#liveRecords(segment: number, limit: number): Generator<WalRecord> {
    let room = limit;
    for (const { group } of this.#deps.live.groupsOf(segment)) {
      const log = this.#deps.groups.get(group);
      if (log === undefined) throw new Error(`assertion: group ${group} is live and unknown`);
      for (const record of log.stateRecordsIn(segment)) {
        if (recordBytes(record) > room) return;
        room -= recordBytes(record);
        yield record;
      }
      for (const record of this.#liveEntries(log, segment, room)) {
        room -= recordBytes(record);
        yield record;
      }
      if (room < RECORD_HEADER_BYTES) return;
    }
  }

  *#liveEntries(log: GroupLog, segment: number, limit: number): Generator<WalRecord> {
    const { index, group } = log;
    let room = limit;
    for (let at = index.first; at < index.end; at += 1) {
      if (index.segmentAt(at) !== segment) continue;
      const from = at;
      room -= RECORD_HEADER_BYTES + 8;
      while (at < index.end && index.segmentAt(at) === segment && room >= index.bytesAt(at)) {
        room -= index.bytesAt(at);
        at += 1;
      }
      if (at === from) return;
      yield { kind: "relocated", group, entries: this.#deps.source.read(log, from, at) };
    }
  }

  /** Lets the log begin after `segment`, durably, and removes its file. @returns its bytes */
  async #free(segment: number): Promise<number> {
    const { fileSystem, directory, files, active, queue, health, options } = this.#deps;
    const trim = () => {
      active.advanceFirstSegment(segment + 1);
      return [];
    };
    await queue.appendLate(trim, FRAME_OVERHEAD_BYTES);
    const bytes = files.get(segment)?.bytes ?? 0;
    const path = files.pathOf(segment);
    files.remove(segment);
    try {
      await removeFile(fileSystem, path);
    } catch (error) {
      // Not needed, only in the way: the next open tries again.
      options.observer.onCollectFailed?.(error);
      return 0;
    }
    try {
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      throw health.poison("sync", directory, error);
    }
    return bytes;
  }
}

function tooLarge(segment: number): RaftWalError {
  const message = `a record of segment ${segment} does not fit a segment of segmentBytes`;
  return new RaftWalError({ code: "RAFT_WAL_BATCH_TOO_LARGE", message });
}
