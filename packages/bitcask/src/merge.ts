/**
 * Chooses what to merge and runs it in the background, one step at a time. Files are taken oldest
 * first, so that tombstones meet what they cover; a step takes as many as fit one new file.
 *
 * Hint files of files that were sealed by rotation are written here too: one background job at a time.
 */
import { type DataFile, hintFileName } from "./data-file.js";
import { DATA_HEADER_BYTES } from "./data-file-header.js";
import { type BitcaskError, isBitcaskError } from "./errors.js";
import { tell } from "./events.js";
import { writeHintOf } from "./hint-job.js";
import { isShortage, posixCode, toBitcaskError } from "./io-errors.js";
import { MergePace } from "./merge-pace.js";
import { filesToMerge } from "./merge-policy.js";
import { type MergeParts, MergeStep } from "./merge-step.js";
import type { ResolvedOptions } from "./options.js";
import type { MergeStats } from "./stats.js";

/** Less is read faster than a hint is worth. */
const MIN_HINTED_BYTES = 4 * 1024 * 1024;

/** After a merge failed for want of something, how long until it is tried again. */
const RETRY_MS = 10_000;
const PASSING: ReadonlySet<string> = new Set(["BITCASK_DISK_FULL", "BITCASK_TOO_MANY_FILES"]);

export interface MergeOptions {
  /** Rewrites every file, whatever it holds. @default false */
  readonly all?: boolean | undefined;
}

/** What a merge achieved. */
export interface MergeResult {
  readonly filesMerged: number;
  readonly filesCreated: number;
  /** Bytes of the merged files less those of the new ones. */
  readonly bytesReclaimed: number;
}

interface AskedMerge {
  readonly isForced: boolean;
  readonly result: Promise<MergeResult>;
}

export class Merger {
  private readonly parts: MergeParts;
  private readonly options: ResolvedOptions;
  /** Background jobs run one after the other; never rejects. */
  private jobs: Promise<unknown> = Promise.resolve();
  /** The latest merge that somebody waits for; while there is one, nothing is rationed. */
  private asked: AskedMerge | undefined;
  private isStopping = false;
  private isAutoQueued = false;
  private step: MergeStep | undefined;
  private readonly pace: MergePace;
  private cancelRetry: (() => void) | undefined;
  private readonly total = { steps: 0, failed: 0, filesRemoved: 0, bytesReclaimed: 0 };

  constructor(parts: MergeParts, options: ResolvedOptions) {
    this.parts = parts;
    this.options = options;
    const { queue } = parts;
    this.pace = new MergePace(options.clock, options.mergeBytesPerSecond, {
      pressure: () => this.pressure(),
      foregroundWrites: () => queue.written.groupCount,
      waitingWrites: () => queue.queuedWrites,
    });
    parts.files.onUnpinned = (file) => void this.enqueue(() => this.unlink(file));
    parts.log.onSealed = (file) => this.sealed(file);
  }

  /**
   * Merges every file with dead bytes, the active one included. Joins a merge that is under way, unless
   * it rewrites less than is wanted: then it runs after it. So at most two are waited for.
   */
  mergeAll(isForced: boolean): Promise<MergeResult> {
    // At once: what is in the queue before it has to end first.
    this.pace.unration();
    if (this.asked !== undefined && (this.asked.isForced || !isForced)) return this.asked.result;
    const result = this.enqueue(() => this.runAll(isForced)).finally(() => {
      if (this.asked !== asked) return;
      this.asked = undefined;
      this.pace.ration();
    });
    const asked: AskedMerge = { isForced, result };
    this.asked = asked;
    return result;
  }

  /** Merges in the background what has crossed the threshold. */
  mergeIfDue(): void {
    if (!this.options.autoMerge || this.isAutoQueued || this.isStopping) return;
    if (this.dueFiles().length === 0) return;
    this.isAutoQueued = true;
    void this.enqueue(async () => {
      this.isAutoQueued = false;
      await this.runSteps(this.dueFiles());
    }).catch((error: unknown) => this.tryLater(error));
  }

  /** A full disk takes no writes that would ask for the next merge; but space may come from elsewhere. */
  private tryLater(error: unknown): void {
    const isWorthwhile = isBitcaskError(error) && PASSING.has(error.code);
    if (!isWorthwhile || this.isStopping) return;
    this.cancelRetry ??= this.options.clock.schedule(RETRY_MS, () => {
      this.cancelRetry = undefined;
      this.mergeIfDue();
    });
  }

  /**
   * Writes a hint of the active file before the store is closed, once a good part of it has none: so
   * the next open need not read it. Costs about half of what it saves. Never rejects.
   */
  async hintActive(): Promise<void> {
    const { log, health } = this.parts;
    const unhinted = log.file.size - log.file.hintedBytes;
    const worthwhile = Math.min(MIN_HINTED_BYTES, this.options.dataFileMaxBytes / 4);
    if (unhinted < worthwhile || unhinted * 4 < log.file.size || health.isPoisoned) return;
    await writeHintOf(this.parts, log.file, undefined).catch(() => undefined);
  }

  /** Lets the step under way finish and begins no other. */
  async stop(): Promise<void> {
    this.isStopping = true;
    // What is unpinned from here on stays an orphan for the next open: nobody waits for its unlink.
    this.parts.files.onUnpinned = undefined;
    this.cancelRetry?.();
    this.cancelRetry = undefined;
    this.pace.hurry();
    await this.jobs;
  }

  stats(): MergeStats {
    return {
      isRunning: this.step !== undefined,
      completedSteps: this.total.steps,
      failedSteps: this.total.failed,
      filesRemoved: this.total.filesRemoved,
      bytesReclaimed: this.total.bytesReclaimed,
      currentBytes: this.step?.doneBytes ?? 0,
      currentTotalBytes: this.step?.totalBytes ?? 0,
    };
  }

  private enqueue<T>(job: () => Promise<T>): Promise<T> {
    const turn = this.jobs.then(job);
    this.jobs = turn.catch(() => undefined);
    return turn;
  }

  private sealed(file: DataFile): void {
    if (this.isStopping) return;
    void this.enqueue(async () => {
      if (this.isStopping || this.parts.health.isPoisoned || !this.parts.files.has(file.id)) return;
      await writeHintOf(this.parts, file, this.pace).catch((error: unknown) => {
        throw this.failure(error);
      });
    }).catch(() => undefined);
    this.mergeIfDue();
  }

  private async runAll(isForced: boolean): Promise<MergeResult> {
    const { log, queue, files, keys } = this.parts;
    if (isForced || log.file.deadBytes > 0) {
      await queue.exclusively(async () => {
        if (log.file.size > DATA_HEADER_BYTES) await log.rotate();
      });
    }
    return this.runSteps(
      files.list().filter(({ isSealed, deadBytes, keyId }) => {
        return isSealed && (isForced || deadBytes > 0 || keyId !== keys.currentKeyId);
      }),
    );
  }

  private dueFiles(): DataFile[] {
    return filesToMerge(this.parts.files.list(), this.options);
  }

  /** Garbage as a share of what may lie about: as much as there is live data, and two files. */
  private pressure(): number {
    const { liveBytes, sealedDeadBytes } = this.parts.files.totals();
    return sealedDeadBytes / (liveBytes + 2 * this.options.dataFileMaxBytes);
  }

  /**
   * Merges the candidates, step by step. A file in which damage is found is left as it is, and its step
   * repeated without it: the others must not pay for it.
   * @throws BitcaskError `BITCASK_CORRUPT` in the end, when there was such a file
   */
  private async runSteps(candidates: readonly DataFile[]): Promise<MergeResult> {
    const result = { filesMerged: 0, filesCreated: 0, bytesReclaimed: 0 };
    const steps = this.groupIntoSteps(candidates);
    let damage: BitcaskError | undefined;
    for (let inputs = steps.shift(); inputs !== undefined; inputs = steps.shift()) {
      if (this.isStopping) break;
      this.parts.health.assertSound();
      try {
        const created = await this.runStep(inputs);
        const before = inputs.reduce((sum, { size }) => sum + size, 0);
        result.filesMerged += inputs.length;
        result.filesCreated += created === undefined ? 0 : 1;
        result.bytesReclaimed += before - (created?.size ?? 0);
      } catch (error) {
        const smaller = this.smallerSteps(inputs, error);
        if (smaller === undefined) throw error;
        if (isDamage(error)) damage ??= error;
        steps.unshift(...smaller);
      }
    }
    if (damage !== undefined) throw damage;
    return result;
  }

  /** What to try in place of a step that failed; `undefined` when it cannot be helped now. */
  private smallerSteps(inputs: readonly DataFile[], error: unknown): DataFile[][] | undefined {
    const damaged = inputs.find(({ path }) => isDamage(error) && error.file === path);
    if (damaged !== undefined) {
      damaged.isUnmergeable = true;
      const others = inputs.filter((file) => file !== damaged);
      return others.length === 0 ? [] : [others];
    }
    // No room for what all of them leave: one by one, those that leave least first, they make room.
    const isFull = isBitcaskError(error) && error.code === "BITCASK_DISK_FULL";
    if (!isFull || inputs.length === 1) return undefined;
    const leastFirst = [...inputs].sort((a, b) => a.liveBytes - b.liveBytes);
    return leastFirst.map((file) => [file]);
  }

  private async runStep(inputs: readonly DataFile[]): Promise<DataFile | undefined> {
    const { observer } = this.parts;
    const step = new MergeStep(this.parts, inputs, this.pace);
    this.step = step;
    const fileIds = inputs.map(({ id }) => id);
    const { totalBytes } = step;
    tell(observer, { type: "merge-begun", fileIds, totalBytes });
    try {
      const created = await step.run();
      this.total.steps += 1;
      this.total.filesRemoved += inputs.length;
      const bytesReclaimed = totalBytes - (created?.size ?? 0);
      this.total.bytesReclaimed += bytesReclaimed;
      tell(observer, {
        type: "merge-ended",
        fileIds,
        createdFileId: created?.id,
        bytesReclaimed,
      });
      for (const file of inputs) {
        if (this.parts.files.retire(file)) await this.unlink(file);
      }
      return created;
    } catch (error) {
      this.total.failed += 1;
      const failure = this.failure(error);
      tell(observer, { type: "merge-failed", fileIds, error: failure });
      throw failure;
    } finally {
      this.step = undefined;
    }
  }

  /** Oldest first; together no more live bytes than a data file takes, one file at least. */
  private groupIntoSteps(candidates: readonly DataFile[]): DataFile[][] {
    const oldestFirst = [...candidates].sort((a, b) => a.minSequence - b.minSequence);
    const steps: DataFile[][] = [];
    let liveBytes = Number.POSITIVE_INFINITY;
    for (const file of oldestFirst) {
      if (liveBytes + file.liveBytes > this.options.dataFileMaxBytes) {
        steps.push([]);
        liveBytes = 0;
      }
      steps.at(-1)?.push(file);
      liveBytes += file.liveBytes;
    }
    return steps;
  }

  /** A file that cannot be unlinked now is listed as obsolete and goes at the next open. */
  private async unlink(file: DataFile): Promise<void> {
    const { fileSystem, directory, files, manifest } = this.parts;
    const hint = fileSystem.join(directory, hintFileName(file.id));
    try {
      await files.unlinkRetired(file, [hint]);
      manifest.noteUnlinked(file.id);
    } catch {
      // The manifest goes on calling it obsolete.
    }
  }

  private failure(error: unknown): unknown {
    const { health, directory } = this.parts;
    // An error of our own is told already; one without a code is a broken assertion.
    if (health.isPoisoned || isBitcaskError(error) || posixCode(error) === undefined) return error;
    const failure = toBitcaskError(error, {
      action: "merge",
      file: directory,
      otherwise: "BITCASK_WRITE_FAILED",
    });
    return isShortage(error) ? failure : health.poison(failure);
  }
}

function isDamage(error: unknown): error is BitcaskError {
  return isBitcaskError(error) && error.code === "BITCASK_CORRUPT";
}
