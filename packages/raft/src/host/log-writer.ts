/**
 * Puts what all groups have to write into batches: one write and one sync at a time, for whatever has
 * gathered since the last. Order is kept, of all jobs.
 *
 * A shortage of space leaves jobs where they are, to be tried again: the log says that nothing was
 * written. A full index holds back jobs with entries only, until logs have been cut; see `held-jobs.ts`.
 * A job that contradicts the log is refused alone. Any other failure is final.
 *
 * Bound: what waits is what the cores handed out and have no acknowledgement for, which their limits on
 * uncommitted and unacknowledged bytes bound.
 */

import { type Entry, entryBytes } from "../core/entry.js";
import { earlierIndex, shiftIndex } from "../core/ids.js";
import { isRaftWalError, type RaftWalErrorCode } from "../wal/errors.js";
import type { GroupUpdate } from "../wal/group-update.js";
import type { Clock } from "../wal/ports.js";
import { cuts, HeldJobs, hasEntries } from "./held-jobs.js";
import type { HostMeter } from "./observer.js";
import type { GroupLogs } from "./ports.js";

/** What to write for one group, and whom to tell. */
export interface WriteJob {
  readonly update: GroupUpdate;
  readonly mustSync: boolean;
  /** The update is written, durably if it had to be, and so is all before it. */
  readonly onWritten: () => void;
  /** The update contradicts the group's log, and was not written. */
  readonly onRefused: (error: unknown) => void;
}

export interface LogWriterDeps {
  readonly log: GroupLogs;
  readonly clock: Clock;
  readonly maxWriteBytes: number;
  /** Jobs have been done: there may be work for a turn. */
  readonly onProgress: () => void;
  /** The log works no more. */
  readonly onFailed: (error: unknown) => void;
  readonly onSpace: (isShort: boolean) => void;
  /** The index takes no more entries: logs have to be cut. Told again with each attempt. */
  readonly onIndexFull: () => void;
  /** It takes entries again. */
  readonly onIndexRoom: () => void;
  readonly meter: HostMeter;
}

/** Bytes that an update counts for without its entries, and an entry beside its own encoding. */
const UPDATE_BYTES = 512;
const ENTRY_OVERHEAD_BYTES = 16;

/** The log wants for something that may come back. */
const SHORTAGES: ReadonlySet<RaftWalErrorCode> = new Set([
  "RAFT_WAL_DISK_FULL",
  "RAFT_WAL_BACKLOG_FULL",
] as const);

/** The log finds fault with an update. */
const REFUSALS: ReadonlySet<RaftWalErrorCode> = new Set([
  "RAFT_WAL_INVALID_UPDATE",
  "RAFT_WAL_BATCH_TOO_LARGE",
] as const);

/** `waiting`: refused, until {@link LogWriter.retry}. `trying`: the next write will tell. */
type Shortage = "none" | "waiting" | "trying";

export class LogWriter {
  readonly #deps: LogWriterDeps;
  #jobs: WriteJob[] = [];
  /** Of `#jobs`, from the front: handed to the log, which has not answered yet. */
  #underWay = 0;
  #writing: Promise<void> | undefined;
  /** Settles when the log has answered to what is under way. */
  #answer: Promise<void> = Promise.resolve();
  /** Of what is under way: not to be tried again. */
  readonly #dropped = new Set<number>();
  #writingSince = 0;
  #shortage: Shortage = "none";
  readonly #held = new HeldJobs();
  #indexFullSince: number | undefined;
  #hasFailed = false;

  constructor(deps: LogWriterDeps) {
    this.#deps = deps;
  }

  /** How long the write under way has taken so far; 0 when there is none. */
  get pendingMs(): number {
    return this.#underWay === 0 ? 0 : this.#deps.clock.monotonicMs() - this.#writingSince;
  }

  /** The log refuses writes for want of space. */
  get isShort(): boolean {
    return this.#shortage !== "none";
  }

  /** How long the index has been full; undefined while it takes entries. */
  get indexFullMs(): number | undefined {
    const since = this.#indexFullSince;
    return since === undefined ? undefined : this.#deps.clock.monotonicMs() - since;
  }

  /** Queues a job. Nothing is written before {@link LogWriter.flush}. */
  add(job: WriteJob): void {
    if (this.#hasFailed) return;
    for (const part of split(job, this.#deps.maxWriteBytes)) {
      if (!this.#held.takes(part)) this.#jobs.push(part);
    }
  }

  /** Writes what waits, now or as soon as the write under way is done. */
  flush(): void {
    if (this.#hasFailed || this.#shortage === "waiting") return;
    if (this.#writing !== undefined || this.#jobs.length === 0) return;
    this.#writing = this.#drain();
  }

  /** Tries again what found no space, or no room in the index. */
  retry(): void {
    if (this.#held.isClosed) {
      this.#release();
      if (this.#jobs.length === 0) this.#tellRoom();
      this.flush();
    }
    if (this.#shortage !== "waiting") return;
    this.#shortage = "trying";
    this.flush();
  }

  /** Forgets what a group wants written, but for what is under way, which is not tried again. */
  drop(group: number): void {
    if (this.#underWay > 0) this.#dropped.add(group);
    this.#held.drop(group);
    this.#jobs = this.#jobs.filter(
      ({ update }, at) => at < this.#underWay || update.group !== group,
    );
  }

  /** Resolves when the log has answered to what is under way now, whatever waits behind it. */
  async settleUnderWay(): Promise<void> {
    await this.#answer;
  }

  /** Resolves when nothing is under way; what found no space may still wait. */
  async settle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #drain(): Promise<void> {
    let goesOn = true;
    while (goesOn && this.#jobs.length > 0) {
      goesOn = await this.#write(countToWrite(this.#jobs, this.#deps.maxWriteBytes));
    }
    this.#writing = undefined;
  }

  /** @returns whether to go on */
  async #write(count: number): Promise<boolean> {
    const { log, clock, onProgress, onSpace } = this.#deps;
    const jobs = this.#jobs.slice(0, count);
    const updates = jobs.map(({ update }) => update);
    this.#underWay = count;
    this.#writingSince = clock.monotonicMs();
    const sync = jobs.some(({ mustSync }) => mustSync);
    try {
      const answer = log.append(updates, { sync });
      this.#answer = answer.then(ignore, ignore);
      await answer;
    } catch (error) {
      this.#underWay = 0;
      return this.#afterFailure(error, jobs);
    }
    this.#underWay = 0;
    this.#dropped.clear();
    this.#tell(updates, sync);
    if (this.#shortage !== "none") onSpace(false);
    this.#shortage = "none";
    this.#jobs.splice(0, count);
    if (updates.some(hasEntries)) this.#tellRoom();
    if (this.#held.isClosed && updates.some(cuts)) this.#release();
    for (const job of jobs) job.onWritten();
    onProgress();
    return true;
  }

  /** What the index held back goes before what has come since: it is older. */
  #release(): void {
    this.#jobs.splice(this.#underWay, 0, ...this.#held.open());
  }

  #tellRoom(): void {
    if (this.#indexFullSince === undefined) return;
    this.#indexFullSince = undefined;
    this.#deps.onIndexRoom();
  }

  #tell(updates: readonly GroupUpdate[], isSynced: boolean): void {
    const { meter, clock } = this.#deps;
    if (meter.onWrite === undefined) return;
    let bytes = 0;
    for (const update of updates) bytes += updateBytes(update);
    const ms = clock.monotonicMs() - this.#writingSince;
    meter.onWrite({ updates: updates.length, bytes, isSynced, ms });
  }

  async #afterFailure(error: unknown, jobs: readonly WriteJob[]): Promise<boolean> {
    if (isRaftWalError(error) && error.outcome === "not-applied") {
      // Who dropped them may come back with another state: nothing of these may follow it.
      const isKept = ({ update }: WriteJob): boolean => !this.#dropped.has(update.group);
      const left = this.#dropped.size === 0 ? jobs : jobs.filter(isKept);
      this.#dropped.clear();
      this.#jobs.splice(0, jobs.length, ...left);
      if (left.length === 0) return true;
      if (error.code === "RAFT_WAL_INDEX_FULL" && left.some(({ update }) => hasEntries(update))) {
        this.#jobs = this.#held.close(this.#jobs);
        this.#indexFullSince ??= this.#deps.clock.monotonicMs();
        this.#deps.onIndexFull();
        return true;
      }
      if (SHORTAGES.has(error.code)) {
        if (this.#shortage === "none") this.#deps.onSpace(true);
        this.#shortage = "waiting";
        return false;
      }
      if (REFUSALS.has(error.code)) {
        // One of them is to blame: let each stand for itself.
        if (left.length > 1 || left.length < jobs.length) return this.#write(1);
        this.#jobs.shift();
        left[0]?.onRefused(error);
        this.#deps.onProgress();
        return true;
      }
    }
    this.#hasFailed = true;
    this.#jobs = [];
    this.#deps.onFailed(error);
    return false;
  }
}

/** Jobs from the front that fit one write; one at least. */
function countToWrite(jobs: readonly WriteJob[], maxBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const { update } of jobs) {
    bytes += updateBytes(update);
    if (count > 0 && bytes > maxBytes) break;
    count += 1;
  }
  return count;
}

function updateBytes(update: GroupUpdate): number {
  let bytes = UPDATE_BYTES;
  if ("remove" in update) return bytes;
  for (const entry of update.entries ?? []) bytes += entryBytes(entry) + ENTRY_OVERHEAD_BYTES;
  bytes += update.installSnapshot?.data.length ?? 0;
  return bytes + (update.saveSnapshot?.data.length ?? 0);
}

/**
 * Cuts a job whose entries are too many for one write; the last part tells of the end. Each part has the
 * state with what is committed of the entries so far: whoever has an entry behind a change of the
 * configuration must know, even after a crash, that the change is committed, or it could campaign under
 * a configuration that others have left behind.
 */
function split(job: WriteJob, maxBytes: number): readonly WriteJob[] {
  const { update } = job;
  if ("remove" in update || updateBytes(update) <= maxBytes) return [job];
  const { hardState, installSnapshot, entries = [], ...rest } = update;
  const first = entries[0];
  if (first === undefined || entries.length === 1) return [job];
  const parts: WriteJob[] = [];
  let from = 0;
  while (from < entries.length) {
    const count = countEntries(entries, from, maxBytes - UPDATE_BYTES);
    const part = entries.slice(from, from + count);
    // It takes the place of the log, which the entries then go on with.
    const base = from === 0 && installSnapshot !== undefined ? { installSnapshot } : {};
    from += count;
    const isLast = from === entries.length;
    const last = shiftIndex(first.index, from - 1);
    const state =
      hardState === undefined
        ? {}
        : { hardState: { ...hardState, commit: earlierIndex(hardState.commit, last) } };
    parts.push({
      update: { group: update.group, ...state, ...base, entries: part, ...(isLast ? rest : {}) },
      mustSync: job.mustSync && isLast,
      onWritten: isLast ? job.onWritten : ignore,
      onRefused: job.onRefused,
    });
  }
  return parts;
}

function countEntries(entries: readonly Entry[], from: number, maxBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (let at = from; at < entries.length; at += 1) {
    const entry = entries[at];
    bytes += entry === undefined ? 0 : entryBytes(entry) + ENTRY_OVERHEAD_BYTES;
    if (count > 0 && bytes > maxBytes) break;
    count += 1;
  }
  return count;
}

function ignore(): void {
  // Only the last part of a job that was cut says that it is done.
}
