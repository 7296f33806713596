/**
 * Group commit. Writes take their place at the call; those that are waiting when the log is free go to
 * disk in one contiguous write and share one fdatasync. A group becomes visible, and its promises
 * settle, once it is as durable as its most demanding member asked. What is applied is always a prefix
 * of what was called: when a group is refused, everything called after it is refused as well.
 *
 * Bounds: bytes waiting (`maxQueuedBytes`; further writes wait outside, in order) and writes waiting,
 * inside and outside (`maxQueuedWrites`; further writes are refused).
 */
import type { ActiveLog } from "./active-log.js";
import { toBytes } from "./bytes.js";
import { BitcaskError } from "./errors.js";
import { encodeTimeFloor } from "./file-loader.js";
import { GroupCommitter } from "./group-committer.js";
import type { Health } from "./health.js";
import type { Keydir } from "./keydir/keydir.js";
import type { ResolvedOptions, SyncMode } from "./options.js";
import { mostBytes } from "./record-buffer.js";
import { CONTROL, EXPIRY_BYTES, RECORD_HEADER_BYTES } from "./record-format.js";
import { FLOOR_DELAY_MS, type StoreTime } from "./store-time.js";
import type { WriteApplier } from "./write-applier.js";
import { type QueuedOperation, type QueuedRecord, WriteSegment } from "./write-segment.js";

export interface WriteQueueDependencies {
  readonly log: ActiveLog;
  readonly applier: WriteApplier;
  readonly keydir: Keydir;
  readonly time: StoreTime;
  readonly health: Health;
  readonly options: ResolvedOptions;
}

interface WriteRequest {
  readonly kind: QueuedOperation["kind"];
  /** Of puts: how many, and the bytes of their keys. */
  readonly keys: number;
  readonly keyBytes: number;
  readonly records: readonly QueuedRecord[];
  /** At most; strings are not encoded yet. */
  readonly bytes: number;
  readonly sync: SyncMode;
  readonly resolve: (existed: boolean) => void;
  readonly reject: (error: unknown) => void;
}

const NO_KEY = new Uint8Array(0);
const NO_RECORDS: readonly QueuedRecord[] = [];
const NOTHING = { records: NO_RECORDS, bytes: 0, keys: 0, keyBytes: 0 };

export class WriteQueue {
  private readonly log: ActiveLog;
  private readonly committer: GroupCommitter;
  private readonly keydir: Keydir;
  private readonly time: StoreTime;
  private readonly health: Health;
  private readonly options: ResolvedOptions;
  /** Segments in order; the last takes new writes. Invariant: none but the last is unfilled. */
  private segments: WriteSegment[] = [];
  private spare: WriteSegment | undefined;
  /** Requests kept outside by `maxQueuedBytes`, in order. */
  private waiting: WriteRequest[] = [];
  private isPumping = false;
  private cancelTimedSync: (() => void) | undefined;
  private cancelFloor: (() => void) | undefined;

  /** Writes and bytes in segments, those of the group under way included. */
  private queuedOperations = 0;
  private pendingBytes = 0;
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
    const { log, applier, health, options } = dependencies;
    this.committer = new GroupCommitter(log, applier, health, options.clock);
    this.committer.onAnswered = (operation) => this.removed(operation);
    this.committer.onRefused = (error) => this.refuseFollowers(error);
    this.committer.onTimedWrite = () => this.scheduleSync();
    this.time.onFloorWanted = () => this.scheduleFloor();
  }

  get queuedWrites(): number {
    return this.queuedOperations + this.waiting.length;
  }

  get queuedBytes(): number {
    return this.pendingBytes;
  }

  /** Records, groups and bytes written since opening. */
  get written(): Pick<GroupCommitter, "recordCount" | "groupCount" | "writtenBytes"> {
    return this.committer;
  }

  put(record: QueuedRecord, sync: SyncMode): Promise<void> {
    return this.submit("put", [record], sync) as Promise<unknown> as Promise<void>;
  }

  /** @returns whether the key was there, at the delete's place in the order */
  delete(key: Uint8Array | string, sync: SyncMode): Promise<boolean> {
    if (this.queuedWrites === 0 && !this.keydir.has(key)) {
      // Nothing to remove. The absence may be the work of an unsynced delete, though.
      const isDurable = sync !== "always" || !this.log.hasUnsynced;
      return isDurable ? Promise.resolve(false) : this.sync().then(() => false);
    }
    return this.submit("delete", [{ key, value: undefined, expiresAt: 0 }], sync);
  }

  batch(records: readonly QueuedRecord[], sync: SyncMode): Promise<void> {
    return this.submit("batch", records, sync) as Promise<unknown> as Promise<void>;
  }

  /** Resolves when everything submitted before is durable. */
  sync(): Promise<void> {
    if (this.queuedWrites === 0 && !this.log.hasUnsynced) return Promise.resolve();
    return this.submit("sync", NO_RECORDS, "always") as Promise<unknown> as Promise<void>;
  }

  /** Writes the time floor if one is wanted, and syncs everything. For closing and merging. */
  async settle(): Promise<void> {
    if (this.time.wantsFloor) this.enqueueFloor();
    await this.submit("sync", NO_RECORDS, "always");
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

  /** Cancels timers; queued writes must have settled. */
  stop(): void {
    this.cancelTimedSync?.();
    this.cancelTimedSync = undefined;
    this.cancelFloor?.();
    this.cancelFloor = undefined;
    this.time.onFloorWanted = undefined;
  }

  private submit(
    kind: WriteRequest["kind"],
    records: readonly QueuedRecord[],
    sync: SyncMode,
  ): Promise<boolean> {
    if (this.queuedWrites >= this.options.maxQueuedWrites && kind !== "sync") {
      return Promise.reject(
        new BitcaskError({
          code: "BITCASK_OVERLOADED",
          message: `${this.queuedWrites} writes are waiting (maxQueuedWrites); await earlier ones`,
          outcome: "not-applied",
        }),
      );
    }
    let bytes = 0;
    let keys = 0;
    let keyBytes = 0;
    for (const { key, value } of records) {
      const most = mostBytes(key);
      bytes += RECORD_HEADER_BYTES + EXPIRY_BYTES + most + mostBytes(value);
      if (value === undefined) continue;
      keys += 1;
      keyBytes += most;
    }
    if (!this.keydir.hasRoomFor(this.pendingKeys + keys, this.pendingKeyBytes + keyBytes)) {
      // Overwriting and deleting go on: they take no room.
      const isFresh = ({ key, value }: QueuedRecord) =>
        value !== undefined && !this.keydir.has(key);
      if (records.some(isFresh)) return Promise.reject(indexFull());
    }
    return new Promise<boolean>((resolve, reject) => {
      const request = { kind, records, bytes, keys, keyBytes, sync, resolve, reject };
      if (this.waiting.length > 0 || !this.fits(bytes)) {
        this.waiting.push({ ...request, records: records.map(toEncoded) });
      } else {
        this.enqueue(request);
      }
      this.pendingKeys += keys;
      this.pendingKeyBytes += keyBytes;
      this.startPump();
    });
  }

  private fits(bytes: number): boolean {
    return this.pendingBytes === 0 || this.pendingBytes + bytes <= this.options.maxQueuedBytes;
  }

  /** @throws BitcaskError `BITCASK_INVALID_STRING` with nothing queued */
  private enqueue({ kind, records, keys, keyBytes, sync, resolve, reject }: WriteRequest): void {
    if (this.time.wantsFloor && kind !== "sync") this.enqueueFloor();
    const segment = this.openSegment();
    const start = segment.records.length;
    segment.write(records);
    this.addOperation(segment, {
      kind,
      start,
      end: segment.records.length,
      keys,
      keyBytes,
      mustSync: sync === "always",
      isTimed: sync === "interval",
      existed: false,
      resolve,
      reject,
    });
  }

  /** A time floor travels ahead of the next write; see `store-time.ts`. */
  private enqueueFloor(): void {
    const { floor } = this.time;
    this.time.markRecorded(floor);
    this.cancelFloor?.();
    this.cancelFloor = undefined;
    const segment = this.openSegment();
    const start = segment.records.length;
    segment.records.append(NO_KEY, encodeTimeFloor(floor), 0, CONTROL);
    this.addOperation(segment, {
      kind: "control",
      start,
      end: segment.records.length,
      keys: 0,
      keyBytes: 0,
      mustSync: false,
      isTimed: this.options.sync === "interval",
      existed: false,
      resolve: () => undefined,
      reject: () => this.time.markRefused(),
    });
  }

  private addOperation(segment: WriteSegment, operation: QueuedOperation): void {
    segment.operations.push(operation);
    this.queuedOperations += 1;
    this.pendingBytes += operation.end - operation.start;
  }

  private removed({ start, end, keys, keyBytes }: QueuedOperation): void {
    this.queuedOperations -= 1;
    this.pendingBytes -= end - start;
    this.pendingKeys -= keys;
    this.pendingKeyBytes -= keyBytes;
  }

  private openSegment(): WriteSegment {
    const last = this.segments.at(-1);
    // A segment whose buffer is being written must not grow: growing moves it.
    if (last !== undefined && !last.isFull && last.taken === 0) return last;
    const segment = this.spare ?? new WriteSegment(this.options.encoding);
    this.spare = undefined;
    this.segments.push(segment);
    return segment;
  }

  private startPump(): void {
    if (this.isPumping || (this.segments.length === 0 && this.waiting.length === 0)) return;
    this.isPumping = true;
    // A microtask later, so that all writes of this turn share the group.
    queueMicrotask(() => void this.pump());
  }

  private async pump(): Promise<void> {
    for (;;) {
      const segment = this.segments[0];
      if (segment === undefined || this.health.isPoisoned || this.idleWaiters.length > 0) break;
      const pause = this.committer.commit(segment);
      if (pause !== undefined) await pause;
      if (segment.isDone && segment === this.segments[0]) this.recycle(segment);
      this.admitWaiting();
    }
    if (this.health.isPoisoned) this.rejectAll();
    this.passOn();
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

  private recycle(segment: WriteSegment): void {
    this.segments.shift();
    segment.reset();
    this.spare ??= segment;
  }

  private admitWaiting(): void {
    let admitted = 0;
    for (const request of this.waiting) {
      if (!this.fits(request.bytes)) break;
      this.enqueue(request);
      admitted += 1;
    }
    if (admitted > 0) this.waiting.splice(0, admitted);
  }

  /**
   * A group was refused, for lack of space say. Writes called after it may build on it, so they are
   * refused as well: what is applied is always a prefix of what was called. Syncs stay.
   */
  private refuseFollowers(error: unknown): void {
    const left = this.segments.flatMap(({ operations, taken }) => operations.slice(taken));
    const waiting = this.waiting;
    this.segments = [];
    this.waiting = [];
    for (const operation of left) {
      this.removed(operation);
      if (operation.kind !== "sync") operation.reject(error);
    }
    for (const request of waiting) {
      this.pendingKeys -= request.keys;
      this.pendingKeyBytes -= request.keyBytes;
      if (request.kind !== "sync") request.reject(error);
    }
    for (const sync of [...left, ...waiting]) {
      if (sync.kind !== "sync") continue;
      const { resolve, reject } = sync;
      this.enqueue({
        kind: "sync",
        ...NOTHING,
        sync: "always",
        resolve,
        reject,
      });
    }
  }

  /** The store is poisoned: what has not been written will not be. */
  private rejectAll(): void {
    const refusal = this.health.refusal("not-applied");
    for (const segment of this.segments) {
      for (const operation of segment.operations.slice(segment.taken)) operation.reject(refusal);
    }
    for (const request of this.waiting) request.reject(refusal);
    this.segments = [];
    this.waiting = [];
    this.queuedOperations = 0;
    this.pendingBytes = 0;
    this.pendingKeys = 0;
    this.pendingKeyBytes = 0;
  }

  private scheduleSync(): void {
    this.cancelTimedSync ??= this.options.clock.schedule(this.options.syncIntervalMs, () => {
      this.cancelTimedSync = undefined;
      // A failure poisons the store, so that every later call reports it.
      if (!this.health.isPoisoned) this.sync().catch(() => undefined);
    });
  }

  /** Nothing was written since an expiry was judged: the floor goes on its own after a while. */
  private scheduleFloor(): void {
    this.cancelFloor ??= this.options.clock.schedule(FLOOR_DELAY_MS, () => {
      this.cancelFloor = undefined;
      if (this.health.isPoisoned || !this.time.wantsFloor) return;
      this.enqueueFloor();
      this.startPump();
    });
  }
}

/** Strings are encoded, and refused, at the call, also when the write has to wait. */
function toEncoded({ key, value, expiresAt }: QueuedRecord): QueuedRecord {
  return {
    key: toBytes(key, "key"),
    value: value === undefined ? undefined : toBytes(value, "value"),
    expiresAt,
  };
}

function indexFull(): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_INDEX_FULL",
    message: "the index has no room for another key; delete some or raise maxKeydirBytes",
    outcome: "not-applied",
  });
}
