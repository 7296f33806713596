/**
 * Commits one group: takes cohorts that fit the active file, numbers and writes them in one go, syncs
 * if one of them asks for it, makes them visible, and answers them.
 */
import type { ActiveLog } from "./active-log.js";
import { isBitcaskError, type WriteOutcome } from "./errors.js";
import type { Health } from "./health.js";
import type { Clock } from "./ports.js";
import type { WriteApplier } from "./write-applier.js";
import type { WriteCohort } from "./write-cohort.js";
import { WritePace } from "./write-pace.js";
import type { WriteSegment } from "./write-segment.js";

/** Larger writes are left to the thread pool, even when only their sync is. */
const MAX_BLOCKING_WRITE_BYTES = 1024 * 1024;

interface Group {
  readonly segment: WriteSegment;
  readonly cohorts: readonly WriteCohort[];
  readonly from: number;
  readonly to: number;
  readonly calls: number;
  readonly mustSync: boolean;
}

export class GroupCommitter {
  private readonly log: ActiveLog;
  private readonly applier: WriteApplier;
  private readonly health: Health;
  private readonly pace: WritePace;
  recordCount = 0;
  groupCount = 0;
  writtenBytes = 0;
  /** Told about every cohort that has been answered. */
  onAnswered: ((cohort: WriteCohort) => void) | undefined;
  /** Told when a group was refused while the store goes on; what was called after it must go too. */
  onRefused: ((error: unknown) => void) | undefined;
  /** Told when records were written that a timed sync is to cover. */
  onTimedWrite: (() => void) | undefined;

  constructor(log: ActiveLog, applier: WriteApplier, health: Health, clock: Clock) {
    this.log = log;
    this.applier = applier;
    this.health = health;
    this.pace = new WritePace(clock);
  }

  /**
   * Commits the next cohorts of `segment`; all of them are answered, with success or an error.
   * @returns a promise only when something had to be waited for
   */
  commit(segment: WriteSegment): Promise<void> | undefined {
    const next = segment.cohorts[segment.taken];
    if (next === undefined) return undefined;
    if (this.log.isTooFullFor(next.bytes)) return this.commitAfterRotation(segment);
    const group = this.take(segment);
    if (!this.pace.mayBlock(group.calls, group.to - group.from)) return this.commitAsync(group);
    try {
      const startedAt = this.pace.started();
      this.writeSync(group);
      if (group.mustSync) this.log.syncSync();
      this.pace.ended(startedAt);
      this.apply(group);
    } catch (error) {
      return this.fail(group, error);
    }
    this.answer(group);
    return undefined;
  }

  private async commitAfterRotation(segment: WriteSegment): Promise<void> {
    try {
      await this.log.rotate();
    } catch (error) {
      this.reject(this.takeAll(segment), this.toldFrom(error, "not-applied"));
      return;
    }
    await this.commitAsync(this.take(segment));
  }

  private async commitAsync(group: Group): Promise<void> {
    try {
      const bytes = group.to - group.from;
      const isPooled = bytes > MAX_BLOCKING_WRITE_BYTES;
      const isSynced = group.mustSync && (bytes > 0 || this.log.hasUnsynced);
      // Else a caller who never pauses would keep timers and I/O waiting for ever.
      if (!isPooled && !isSynced) await turnOfEventLoop();
      // A merge may have stopped the store in that turn, or during a rotation.
      if (this.health.isPoisoned) {
        this.reject(group, this.health.refusal("not-applied"));
        return;
      }
      // Into the page cache, a small write takes less time than its way through the thread pool.
      if (isPooled) await this.write(group);
      else this.writeSync(group);
      this.assertStillSound();
      if (group.mustSync) await this.log.sync();
      this.assertStillSound();
      this.apply(group);
    } catch (error) {
      await this.fail(group, error);
      return;
    } finally {
      this.pace.yielded();
    }
    this.answer(group);
  }

  private async write({ segment, from, to }: Group): Promise<void> {
    const count = this.log.seal(segment.records, from, to);
    await this.log.append(segment.records.sealed(from, to), count);
    this.recordCount += count;
  }

  private writeSync({ segment, from, to, mustSync }: Group): void {
    if (to === from) return;
    const count = this.log.seal(segment.records, from, to);
    this.log.appendSync(segment.records.sealed(from, to), count, mustSync);
    this.recordCount += count;
  }

  /** The run of cohorts that fits the active file; one at least, which may be larger than any file. */
  private take(segment: WriteSegment): Group {
    const { cohorts, taken } = segment;
    const limit = (cohorts[taken] as WriteCohort).start + this.log.room;
    let end = taken + 1;
    while (end < cohorts.length && (cohorts[end] as WriteCohort).end <= limit) end++;
    segment.taken = end;
    const isAll = taken === 0 && end === cohorts.length;
    return groupOf(segment, isAll ? cohorts : cohorts.slice(taken, end));
  }

  private takeAll(segment: WriteSegment): Group {
    const cohorts = segment.cohorts.slice(segment.taken);
    segment.taken = segment.cohorts.length;
    return groupOf(segment, cohorts);
  }

  /** All of the group before any answer: a caller that is woken sees its neighbours' writes. */
  private apply({ segment, cohorts, from, to }: Group): void {
    const { file } = this.log;
    const base = file.size - (to - from);
    for (const cohort of cohorts) {
      const { start, end } = cohort;
      const position = base + start - from;
      cohort.existed = this.applier.apply(segment.records, start, end, file, position);
    }
    this.groupCount += 1;
    this.writtenBytes += to - from;
  }

  private answer({ cohorts }: Group): void {
    let hasTimed = false;
    for (const cohort of cohorts) {
      hasTimed ||= cohort.sync === "interval";
      this.onAnswered?.(cohort);
      cohort.answer();
    }
    if (hasTimed && this.log.hasUnsynced) this.onTimedWrite?.();
  }

  private async fail(group: Group, error: unknown): Promise<void> {
    if (!isBitcaskError(error)) {
      this.reject(group, this.health.poisonUnexpected(error));
      return;
    }
    if (this.health.isPoisoned) {
      this.reject(group, this.toldFrom(error, "unknown"));
      return;
    }
    // Out of space before any fsync: nothing of the group counts, the tail is put back as it was.
    try {
      await this.log.undoAppend();
    } catch (second) {
      this.reject(group, second);
      return;
    }
    this.reject(group, this.toldFrom(error, "not-applied"));
  }

  /** @throws BitcaskError when somebody else stopped the store while records were on their way to disk */
  private assertStillSound(): void {
    if (this.health.isPoisoned) throw this.health.refusal("unknown");
  }

  /**
   * What callers hear of a failure: once the store has stopped, whoever stopped it, that and no passing
   * shortage; what becomes of the records is then as `outcome` says.
   */
  private toldFrom(error: unknown, outcome: WriteOutcome): unknown {
    const isPassing = isBitcaskError(error) && error.outcome === "not-applied";
    return this.health.isPoisoned && isPassing ? this.health.refusal(outcome) : error;
  }

  private reject(group: Group, error: unknown): void {
    for (const cohort of group.cohorts) {
      this.onAnswered?.(cohort);
      cohort.reject(error);
    }
    if (!this.health.isPoisoned) this.onRefused?.(error);
  }
}

/** Lets timers and I/O run. */
function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function groupOf(segment: WriteSegment, cohorts: readonly WriteCohort[]): Group {
  let calls = 0;
  let mustSync = false;
  for (const cohort of cohorts) {
    calls += cohort.calls;
    mustSync ||= cohort.sync === "always";
  }
  const from = cohorts[0]?.start ?? 0;
  return { segment, cohorts, from, to: cohorts.at(-1)?.end ?? from, calls, mustSync };
}
