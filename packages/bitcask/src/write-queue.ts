/**
 * Group commit. Writes take their place at the call; those that are waiting when the log is free go to
 * disk in one contiguous write and share one fdatasync. A group becomes visible, and its promises
 * settle, once it is as durable as its most demanding member asked. What is applied is always a prefix
 * of what was called: when a group is refused, everything called after it is refused as well.
 *
 * Bounds: bytes waiting (`maxQueuedBytes`; further writes wait outside, in order), bytes outside
 * (`maxWaitingBytes`) and writes waiting, inside and outside (`maxQueuedWrites`); beyond, they are refused.
 * Syncs are not, and need not be: those that no write comes between are one.
 */
import type { ActiveLog } from "./active-log.js";
import { BitcaskError } from "./errors.js";
import { GroupCommitter } from "./group-committer.js";
import type { Health } from "./health.js";
import type { Keydir } from "./keydir/keydir.js";
import type { ResolvedOptions, SyncMode } from "./options.js";
import type { StoreTime } from "./store-time.js";
import { sizeOf, type WaitingCall, WaitingCalls, type WriteSize } from "./waiting-calls.js";
import type { WriteApplier } from "./write-applier.js";
import { WriteBacklog } from "./write-backlog.js";
import type { CohortKind, WriteCohort } from "./write-cohort.js";
import type { QueuedRecord } from "./write-segment.js";
import { WriteTimers } from "./write-timers.js";

export interface WriteQueueDependencies {
  readonly log: ActiveLog;
  readonly applier: WriteApplier;
  readonly keydir: Keydir;
  readonly time: StoreTime;
  readonly health: Health;
  readonly options: ResolvedOptions;
}

const NO_RECORDS: readonly QueuedRecord[] = [];

export class WriteQueue {
  private readonly log: ActiveLog;
  private readonly committer: GroupCommitter;
  private readonly keydir: Keydir;
  private readonly time: StoreTime;
  private readonly health: Health;
  private readonly options: ResolvedOptions;
  private readonly backlog: WriteBacklog;
  /** Calls kept outside by `maxQueuedBytes`, in order. */
  private readonly waiting: WaitingCalls;
  private isPumping = false;
  private isStopped = false;
  private readonly timers: WriteTimers;

  /** Keys of puts, and their bytes, that have been accepted and not been answered. */
  private pendingKeys = 0;
  private pendingKeyBytes = 0;
  /** Those who wait for the log to be free. */
  private idleWaiters: (() => void)[] = [];

  constructor(dependencies: WriteQueueDependencies) {
    this.log = dependencies.log;
    this.keydir = dependencies.keydir;
    this.time = dependencies.time;
    this.health = dependencies.health;
    this.options = dependencies.options;
    this.backlog = new WriteBacklog(this.log, this.options);
    this.waiting = new WaitingCalls(this.options.maxWaitingBytes);
    this.timers = new WriteTimers(this.options.clock, this.options.syncIntervalMs);
    const { log, applier, health, options } = dependencies;
    this.committer = new GroupCommitter(log, applier, health, options.clock);
    this.committer.onAnswered = (cohort) => this.removed(cohort);
    this.committer.onRefused = (error) => this.refuseFollowers(error);
    this.committer.onTimedWrite = () => this.scheduleSync();
    this.time.onFloorWanted = () => this.scheduleFloor();
  }

  get queuedWrites(): number {
    return this.backlog.calls + this.waiting.count;
  }

  get queuedBytes(): number {
    return this.backlog.bytes + this.waiting.bytes;
  }

  /** Records, groups and bytes written since opening. */
  get written(): Pick<GroupCommitter, "recordCount" | "groupCount" | "writtenBytes"> {
    return this.committer;
  }

  /** The promise is shared by puts that are answered together. */
  put(record: QueuedRecord, sync: SyncMode): Promise<void> {
    return this.submit("write", [record], sync) as Promise<void>;
  }

  /** @returns whether the key was there, at the delete's place in the order */
  delete(key: Uint8Array | string, sync: SyncMode): Promise<boolean> {
    if (this.queuedWrites === 0 && !this.keydir.has(key)) {
      // Nothing to remove. The absence may be the work of an unsynced delete, though.
      const isDurable = sync !== "always" || !this.log.hasUnsynced;
      return isDurable ? Promise.resolve(false) : this.sync().then(() => false);
    }
    const records = [{ key, value: undefined, expiresAt: 0 }];
    return this.submit("delete", records, sync) as Promise<boolean>;
  }

  batch(records: readonly QueuedRecord[], sync: SyncMode): Promise<void> {
    return this.submit("write", records, sync) as Promise<void>;
  }

  /** Resolves when everything submitted before is durable. */
  sync(): Promise<void> {
    if (this.queuedWrites === 0 && !this.log.hasUnsynced) return Promise.resolve();
    return this.submit("sync", NO_RECORDS, "always") as Promise<void>;
  }

  /** Writes the time floor if one is wanted, and syncs everything. For closing and merging. */
  async settle(): Promise<void> {
    if (this.time.wantsFloor) this.enqueueFloor();
    await this.submit("sync", NO_RECORDS, "always");
  }

  /** Settles, then takes nothing more: no timer and no call can add a record. For closing. */
  async settleForGood(): Promise<void> {
    try {
      await this.settle();
      // A delete that was under way may have judged an expiry; nobody else is left who could.
      if (this.time.wantsFloor) await this.settle();
    } finally {
      this.stop();
    }
  }

  /** Runs `work` between two groups, with no write under way; also when writes never pause. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.isPumping) await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
    this.isPumping = true;
    try {
      return await work();
    } finally {
      this.passOn();
    }
  }

  /** Cancels timers and refuses every further call; queued writes must have settled. */
  stop(): void {
    this.isStopped = true;
    this.timers.stop();
    this.time.onFloorWanted = undefined;
  }

  private submit(
    kind: CohortKind,
    records: readonly QueuedRecord[],
    sync: SyncMode,
  ): Promise<unknown> {
    const size = sizeOf(records);
    const refusal = this.refusalOf(kind, records, size);
    if (refusal !== undefined) return Promise.reject(refusal);
    let answer: Promise<unknown>;
    try {
      answer =
        this.waiting.count > 0 || !this.fits(size.bytes)
          ? this.waiting.add(kind, records, size, sync)
          : this.enqueue(kind, records, size, sync);
    } catch (error) {
      // A string that UTF-8 cannot express, a codec that throws, too much outside: nothing was queued.
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    this.pendingKeys += size.keys;
    this.pendingKeyBytes += size.keyBytes;
    this.startPump();
    return answer;
  }

  private refusalOf(
    kind: CohortKind,
    records: readonly QueuedRecord[],
    { keys, keyBytes }: WriteSize,
  ): BitcaskError | undefined {
    if (this.isStopped) {
      const message = "the store is closed";
      return new BitcaskError({ code: "BITCASK_CLOSED", message, outcome: "not-applied" });
    }
    if (this.queuedWrites >= this.options.maxQueuedWrites && kind !== "sync") {
      return new BitcaskError({
        code: "BITCASK_OVERLOADED",
        message: `${this.queuedWrites} writes are waiting (maxQueuedWrites); await earlier ones`,
        outcome: "not-applied",
      });
    }
    if (this.keydir.hasRoomFor(this.pendingKeys + keys, this.pendingKeyBytes + keyBytes)) {
      return undefined;
    }
    // Overwriting and deleting go on: they take no room.
    const isFresh = ({ key, value }: QueuedRecord) => value !== undefined && !this.keydir.has(key);
    return records.some(isFresh) ? indexFull() : undefined;
  }

  private fits(bytes: number): boolean {
    const { bytes: queued } = this.backlog;
    return queued === 0 || queued + bytes <= this.options.maxQueuedBytes;
  }

  /**
   * @returns the answer, shared by the calls of a cohort
   * @throws BitcaskError `BITCASK_INVALID_STRING` with nothing queued
   */
  private enqueue(
    kind: CohortKind,
    records: readonly QueuedRecord[],
    size: WriteSize,
    sync: SyncMode,
  ): Promise<unknown> {
    if (this.time.wantsFloor && kind !== "sync") this.enqueueFloor();
    return this.backlog.add(kind, sync, records, size);
  }

  /** A time floor travels ahead of the next write; see `store-time.ts`. */
  private enqueueFloor(): void {
    const { floor } = this.time;
    this.time.markRecorded(floor);
    this.timers.cancelFloor();
    const sync = this.options.sync === "interval" ? "interval" : "never";
    this.backlog.addFloor(floor, sync).catch(() => this.time.markRefused());
  }

  private removed(cohort: WriteCohort): void {
    this.backlog.removed(cohort);
    this.forgetKeys(cohort);
  }

  private forgetKeys({ keys, keyBytes }: WriteSize): void {
    this.pendingKeys -= keys;
    this.pendingKeyBytes -= keyBytes;
  }

  private startPump(): void {
    if (this.isPumping || (this.backlog.first === undefined && this.waiting.count === 0)) return;
    this.isPumping = true;
    // A microtask later, so that all writes of this turn share the group.
    queueMicrotask(() => void this.pump());
  }

  private async pump(): Promise<void> {
    try {
      await this.commitAll();
    } catch (error) {
      this.health.poisonUnexpected(error);
    }
    if (this.health.isPoisoned) this.rejectAll();
    this.passOn();
  }

  private async commitAll(): Promise<void> {
    for (;;) {
      const segment = this.backlog.first;
      if (segment === undefined || this.health.isPoisoned || this.idleWaiters.length > 0) return;
      const pause = this.committer.commit(segment);
      if (pause !== undefined) await pause;
      this.backlog.recycle(segment);
      this.admitWaiting();
    }
  }

  /** Hands the log to whoever waits for it, first come first served; writes come last. */
  private passOn(): void {
    const next = this.idleWaiters.shift();
    if (next !== undefined) {
      next(); // The log stays taken.
      return;
    }
    this.isPumping = false;
    this.startPump();
  }

  private admitWaiting(): void {
    if (this.waiting.count === 0) return;
    this.waiting.admitWhile(
      (bytes) => this.fits(bytes),
      (call) => this.admit(call),
    );
  }

  /** A call that cannot be encoded, as its codec throws say, is refused as it would be without a wait. */
  private admit({ kind, records, size, sync, resolve, reject }: WaitingCall): void {
    try {
      this.enqueue(kind, records, size, sync).then(resolve, reject);
    } catch (error) {
      this.forgetKeys(size);
      reject(error);
    }
  }

  /**
   * A group was refused, for lack of space say. Writes called after it may build on it, so they are
   * refused as well: what is applied is always a prefix of what was called. Syncs stay.
   */
  private refuseFollowers(error: unknown): void {
    const left = this.backlog.drain();
    const waiting = this.waiting.drain();
    for (const cohort of left) {
      this.forgetKeys(cohort);
      if (cohort.kind === "sync") this.backlog.addAgain(cohort);
      else cohort.reject(error);
    }
    for (const call of waiting) {
      this.forgetKeys(call.size);
      if (call.kind === "sync") this.admit(call);
      else call.reject(error);
    }
  }

  /** The store is poisoned: what has not been written will not be. */
  private rejectAll(): void {
    const refusal = this.health.refusal("not-applied");
    const waiting = this.waiting.drain();
    for (const cohort of this.backlog.drain()) {
      this.forgetKeys(cohort);
      cohort.reject(refusal);
    }
    for (const call of waiting) {
      this.forgetKeys(call.size);
      call.reject(refusal);
    }
  }

  private scheduleSync(): void {
    this.timers.syncSoon(() => {
      // A failure poisons the store, so that every later call reports it.
      if (!this.health.isPoisoned) this.sync().catch(() => undefined);
    });
  }

  /** Nothing was written since an expiry was judged: the floor goes on its own after a while. */
  private scheduleFloor(): void {
    this.timers.floorSoon(() => {
      if (this.health.isPoisoned || !this.time.wantsFloor) return;
      this.enqueueFloor();
      this.startPump();
    });
  }
}

function indexFull(): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_INDEX_FULL",
    message: "the index has no room for another key; delete some or raise maxKeydirBytes",
    outcome: "not-applied",
  });
}
