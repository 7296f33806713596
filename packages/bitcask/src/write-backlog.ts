/**
 * Encoded writes that wait for the log, in the order of the calls: segments of cohorts, with an account
 * of what they hold.
 */
import { DATA_HEADER_BYTES } from "./data-file-header.js";
import { encodeTimeFloor } from "./file-loader.js";
import type { ResolvedOptions, SyncMode } from "./options.js";
import type { RecordEncoding } from "./record-buffer.js";
import { CONTROL } from "./record-format.js";
import { type CohortKind, WriteCohort } from "./write-cohort.js";
import { type QueuedRecord, WriteSegment } from "./write-segment.js";

const NO_KEY = new Uint8Array(0);
/** Segments kept for the next writes: one being filled, one on its way to disk. */
const MAX_SPARES = 2;

export class WriteBacklog {
  private readonly log: { readonly file: { readonly size: number } };
  private readonly dataFileMaxBytes: number;
  private readonly encoding: RecordEncoding;
  /** In order; the last takes new writes. Invariant: none but the last is unfilled. */
  private segments: WriteSegment[] = [];
  private readonly spares: WriteSegment[] = [];
  /** Size of the active file, as it will be behind all that waits. */
  private plannedFileSize = 0;
  /** Calls, and bytes of their records, those of the group under way included. */
  calls = 0;
  bytes = 0;

  /** @param log of which `file` is the one that takes the next record */
  constructor(
    log: { readonly file: { readonly size: number } },
    options: Pick<ResolvedOptions, "dataFileMaxBytes" | "encoding">,
  ) {
    this.log = log;
    this.dataFileMaxBytes = options.dataFileMaxBytes;
    this.encoding = options.encoding;
  }

  /** The segment that is to be written next. */
  get first(): WriteSegment | undefined {
    return this.segments[0];
  }

  /**
   * Takes a call's records.
   * @param fresh of puts among them: how many, and the bytes of their keys
   * @returns the answer, shared by the calls of a cohort
   * @throws BitcaskError `BITCASK_INVALID_STRING`; nothing has changed
   */
  add(
    kind: CohortKind,
    sync: SyncMode,
    records: readonly QueuedRecord[],
    fresh: { readonly keys: number; readonly keyBytes: number },
  ): Promise<unknown> {
    const segment = this.openSegment();
    const { lastCohort } = segment;
    // Syncs next to each other are one, so that any number of them takes up one place.
    if (kind === "sync" && lastCohort?.kind === "sync") return lastCohort.promise;
    const start = segment.records.length;
    segment.write(records);
    const end = segment.records.length;
    const isFileFull = this.plan(end - start);
    let cohort = lastCohort;
    if (cohort === undefined || isFileFull || !cohort.takes(kind, sync)) {
      cohort = new WriteCohort(kind, sync, start);
      segment.cohorts.push(cohort);
    }
    cohort.add(end, fresh.keys, fresh.keyBytes);
    this.calls += 1;
    this.bytes += end - start;
    return cohort.promise;
  }

  /** Takes a control record with the time floor. @returns its answer */
  addFloor(floor: number, sync: SyncMode): Promise<unknown> {
    const segment = this.openSegment();
    const start = segment.records.length;
    segment.records.append(NO_KEY, encodeTimeFloor(floor), 0, CONTROL);
    const end = segment.records.length;
    this.plan(end - start);
    const cohort = new WriteCohort("control", sync, start);
    cohort.add(end, 0, 0);
    segment.cohorts.push(cohort);
    this.calls += 1;
    this.bytes += end - start;
    return cohort.promise;
  }

  /** Takes a cohort of syncs that {@link WriteBacklog.drain} gave out. */
  addAgain(sync: WriteCohort): void {
    const segment = this.openSegment();
    sync.moveTo(segment.records.length);
    segment.cohorts.push(sync);
    this.calls += sync.calls;
  }

  /** Takes a cohort that has been answered off the account. */
  removed({ calls, bytes }: WriteCohort): void {
    this.calls -= calls;
    this.bytes -= bytes;
  }

  /** Drops the first segment if all of it has been answered. */
  recycle(segment: WriteSegment): void {
    if (!segment.isDone || segment !== this.segments[0]) return;
    this.segments.shift();
    segment.reset();
    if (this.spares.length < MAX_SPARES) this.spares.push(segment);
  }

  /** Gives out all cohorts that no group has taken, and forgets them. */
  drain(): WriteCohort[] {
    const left = this.segments.flatMap(({ cohorts, taken }) => cohorts.slice(taken));
    this.segments = [];
    for (const cohort of left) this.removed(cohort);
    return left;
  }

  /**
   * Plans the records' place in the active file, so that a cohort never lies in two files: should the
   * second part be refused, the first would be there all the same.
   * @returns whether the file before is full
   */
  private plan(bytes: number): boolean {
    if (this.calls === 0) this.plannedFileSize = this.log.file.size;
    const end = this.plannedFileSize + bytes;
    const isFull = this.plannedFileSize > DATA_HEADER_BYTES && end > this.dataFileMaxBytes;
    this.plannedFileSize = isFull ? DATA_HEADER_BYTES + bytes : end;
    return isFull;
  }

  private openSegment(): WriteSegment {
    const last = this.segments.at(-1);
    // A segment whose buffer is being written must not grow: growing moves it.
    if (last !== undefined && !last.isFull && last.taken === 0) return last;
    const segment = this.spares.pop() ?? new WriteSegment(this.encoding);
    this.segments.push(segment);
    return segment;
  }
}
