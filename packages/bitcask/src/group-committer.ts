/**
 * Commits one group: takes operations that fit the active file, numbers and writes them in one go,
 * syncs if one of them asks for it, makes them visible, and answers them.
 */
import type { ActiveLog } from "./active-log.js";
import { isBitcaskError } from "./errors.js";
import type { Health } from "./health.js";
import type { Clock } from "./ports.js";
import type { WriteApplier } from "./write-applier.js";
import { WritePace } from "./write-pace.js";
import type { QueuedOperation, WriteSegment } from "./write-segment.js";

interface Group {
  readonly segment: WriteSegment;
  readonly operations: readonly QueuedOperation[];
  readonly from: number;
  readonly to: number;
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
  /** Told about every operation that has been answered. */
  onAnswered: ((operation: QueuedOperation) => void) | undefined;
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
   * Commits the next operations of `segment`; all of them are answered, with success or an error.
   * @returns a promise only when something had to be waited for
   */
  commit(segment: WriteSegment): Promise<void> | undefined {
    const next = segment.operations[segment.taken];
    if (next === undefined) return undefined;
    if (next.end - next.start > this.log.room) return this.commitAfterRotation(segment);
    const group = this.take(segment);
    if (!this.pace.mayBlock(group.operations.length, group.to - group.from)) {
      return this.commitAsync(group);
    }
    const startedAt = this.pace.started();
    try {
      this.writeSync(group);
    } catch (error) {
      return this.fail(group, error);
    } finally {
      this.pace.ended(startedAt);
    }
    this.answer(group);
    return undefined;
  }

  private async commitAfterRotation(segment: WriteSegment): Promise<void> {
    try {
      await this.log.rotate();
    } catch (error) {
      this.reject(this.takeAll(segment), error);
      return;
    }
    await this.commitAsync(this.take(segment));
  }

  private async commitAsync(group: Group): Promise<void> {
    const { segment, from, to } = group;
    try {
      if (to > from) {
        const count = this.log.seal(segment.records, from, to);
        await this.log.append(segment.records.sealed(from, to), count);
        this.recordCount += count;
      }
      if (group.mustSync) await this.log.sync();
    } catch (error) {
      await this.fail(group, error);
      return;
    } finally {
      this.pace.yielded();
    }
    this.answer(group);
  }

  private writeSync({ segment, from, to, mustSync }: Group): void {
    if (to > from) {
      const count = this.log.seal(segment.records, from, to);
      this.log.appendSync(segment.records.sealed(from, to), count);
      this.recordCount += count;
    }
    if (mustSync) this.log.syncSync();
  }

  /** The run of operations that fits the active file, one at least. */
  private take(segment: WriteSegment): Group {
    const { operations, taken } = segment;
    const from = (operations[taken] as QueuedOperation).start;
    const limit = from + this.log.room;
    let end = taken + 1;
    while (end < operations.length && (operations[end] as QueuedOperation).end <= limit) end++;
    segment.taken = end;
    const isAll = taken === 0 && end === operations.length;
    return groupOf(segment, isAll ? operations : operations.slice(taken, end));
  }

  private takeAll(segment: WriteSegment): Group {
    const operations = segment.operations.slice(segment.taken);
    segment.taken = segment.operations.length;
    return groupOf(segment, operations);
  }

  private answer(group: Group): void {
    const { segment, operations, from } = group;
    const { file } = this.log;
    const base = file.size - (group.to - from);
    let hasTimed = false;
    // All of the group first, then the answers: a caller that is woken sees its neighbours' writes.
    for (const operation of operations) {
      const { start, end } = operation;
      hasTimed ||= operation.isTimed;
      operation.existed = this.applier.apply(
        segment.records,
        start,
        end,
        file,
        base + start - from,
      );
    }
    this.groupCount += 1;
    this.writtenBytes += group.to - from;
    for (const operation of operations) {
      this.onAnswered?.(operation);
      operation.resolve(operation.existed);
    }
    if (hasTimed && this.log.hasUnsynced) this.onTimedWrite?.();
  }

  private async fail(group: Group, error: unknown): Promise<void> {
    // Out of space before any fsync: nothing of the group counts, the tail is put back as it was.
    if (isBitcaskError(error) && !this.health.isPoisoned) {
      try {
        await this.log.undoAppend();
      } catch (second) {
        this.reject(group, second);
        return;
      }
    }
    this.reject(group, error);
  }

  private reject(group: Group, error: unknown): void {
    for (const operation of group.operations) {
      this.onAnswered?.(operation);
      operation.reject(error);
    }
    if (!this.health.isPoisoned) this.onRefused?.(error);
  }
}

function groupOf(segment: WriteSegment, operations: readonly QueuedOperation[]): Group {
  const first = operations[0];
  const last = operations.at(-1);
  return {
    segment,
    operations,
    from: first?.start ?? 0,
    to: last?.end ?? 0,
    mustSync: operations.some(({ mustSync }) => mustSync),
  };
}
