/**
 * The shared log of all groups of a process: one directory, one writer, one sync for whatever many
 * groups have to write. The format is in `docs/formats/raft-log.md`.
 */

import type { LogStorage } from "../core/storage.js";
import { ActiveSegment, type PlacedRecord } from "./active-segment.js";
import { AppendQueue, type AppendReceipt } from "./append-queue.js";
import type { DirectoryLock } from "./directory-lock.js";
import { EntryCache } from "./entry-cache.js";
import { EntryReader } from "./entry-reader.js";
import { RaftWalError } from "./errors.js";
import { FRAME_OVERHEAD_BYTES } from "./frame.js";
import { frameBytes } from "./frame-encoder.js";
import { type CollectReport, GarbageCollector, type PinnedSegment } from "./garbage-collector.js";
import { GroupLog, type GroupLogContext } from "./group-log.js";
import {
  type AcceptedState,
  acceptedStateOf,
  type GroupUpdate,
  invalid,
  toRecords,
} from "./group-update.js";
import { WalHealth } from "./health.js";
import { LiveBytes } from "./live-bytes.js";
import { openLocked } from "./open-directory.js";
import { type RaftWalOptions, type ResolvedWalOptions, resolveWalOptions } from "./options.js";
import type { WalPorts } from "./ports.js";
import type { WalRecord } from "./record.js";
import { type Recovered, type RecoveryReport, recover } from "./recovery.js";
import { SegmentFiles } from "./segment-files.js";
import type { SegmentPreparer } from "./segment-preparer.js";
import { StallWatch } from "./stall-watch.js";

/** What a log is and holds, for metrics. */
export interface WalStats {
  readonly groups: number;
  readonly segments: number;
  /** Of all segment files. */
  readonly fileBytes: number;
  /** Of records that are still needed. */
  readonly liveBytes: number;
  /** Of memory, for the index and for cached entries. */
  readonly indexBytes: number;
  readonly cachedBytes: number;
  /** Of batches that wait for the disk. */
  readonly queuedBytes: number;
  /** How long the write or sync under way has taken so far; 0 when there is none. */
  readonly pendingWriteMs: number;
  readonly isPoisoned: boolean;
}

interface Parts {
  readonly lock: DirectoryLock;
  readonly options: ResolvedWalOptions;
  readonly files: SegmentFiles;
  readonly groups: Map<number, GroupLog>;
  readonly context: GroupLogContext;
  readonly live: LiveBytes;
  readonly cache: EntryCache;
  readonly health: WalHealth;
  readonly watch: StallWatch;
  readonly recovered: Recovered;
  readonly indexBytes: { value: number };
}

export class RaftWal {
  /** What opening found and did. */
  readonly recovery: RecoveryReport;
  readonly #parts: Parts;
  readonly #active: ActiveSegment;
  readonly #preparer: SegmentPreparer;
  readonly #queue: AppendQueue;
  readonly #collector: GarbageCollector;
  /** Groups with batches that have been accepted and not yet written. */
  readonly #accepted = new Map<number, AcceptedState>();
  /** Groups that a batch has removed since the log was last idle. */
  readonly #removed = new Set<number>();
  #closing: Promise<void> | undefined;

  private constructor(ports: WalPorts, directory: string, parts: Parts) {
    const { recovered, files, health, watch, options, groups, live, context } = parts;
    this.#parts = parts;
    this.recovery = recovered.report;
    this.#preparer = recovered.preparer;
    const shared = { files, health, watch };
    this.#active = new ActiveSegment(shared, recovered.prepared, recovered.position);
    this.#queue = new AppendQueue({
      active: this.#active,
      preparer: this.#preparer,
      health,
      options,
      onWritten: (placed) => this.#takeIn(placed),
      onIdle: () => this.#onIdle(),
    });
    this.#collector = new GarbageCollector({
      fileSystem: ports.fileSystem,
      directory,
      files,
      live,
      groups,
      source: context.source,
      active: this.#active,
      queue: this.#queue,
      health,
      options,
    });
  }

  /**
   * Opens the log in `directory`, or founds one there. All that is found is durable when it resolves.
   * @throws RaftWalError `RAFT_WAL_LOCKED`, `RAFT_WAL_DAMAGED` with a report, `RAFT_WAL_NEWER_FORMAT`,
   *   `RAFT_WAL_READ_FAILED`, `RAFT_WAL_WRITE_FAILED`, `RAFT_WAL_SYNC_FAILED`, `RAFT_WAL_DISK_FULL`;
   *   RangeError for an option out of range
   */
  static async open(
    directory: string,
    ports: WalPorts,
    options: RaftWalOptions = {},
  ): Promise<RaftWal> {
    const resolved = resolveWalOptions(options);
    const { observer } = resolved;
    return openLocked(ports, directory, async (lock) => {
      const files = new SegmentFiles(ports.fileSystem, directory);
      const live = new LiveBytes();
      const cache = new EntryCache(resolved.cacheBytes);
      const indexBytes = { value: 0 };
      const onIndexBytes = (change: number) => {
        indexBytes.value += change;
      };
      const context = { live, cache, source: new EntryReader(files), onIndexBytes };
      const health = new WalHealth((error) => observer.onPoisoned?.(error));
      const groups = new Map<number, GroupLog>();
      const { segmentBytes } = resolved;
      const base = { files, groups, context, health };
      const recovered = await recover({ ports, directory, segmentBytes, ...base });
      const watch = new StallWatch(ports.clock, resolved.stallMs, observer);
      const parts = { ...base, lock, options: resolved, live, cache, watch, recovered, indexBytes };
      const wal = new RaftWal(ports, directory, parts);
      try {
        await wal.#vouch();
      } catch (error) {
        await wal.#releaseFiles();
        throw error;
      }
      return wal;
    });
  }

  /** Bytes of the largest batch, encoded. */
  get maxBatchBytes(): number {
    return this.#parts.options.maxBatchBytes;
  }

  /** Groups that the log holds anything of, ascending. */
  groupIds(): readonly number[] {
    const logs = [...this.#parts.groups.values()].filter((log) => log.exists);
    return logs.map(({ group }) => group).sort((a, b) => a - b);
  }

  /**
   * The group's log, for its core. Shows a batch once it is written. An unknown group is empty. After
   * a group's removal take a new view before using its number again.
   */
  storage(group: number): LogStorage {
    return this.#logOf(group);
  }

  /**
   * Writes a batch over any number of groups: whole or not at all, after all earlier batches. Callers
   * that do not wait for each other share a sync. Data of entries must not change afterwards.
   * @param options `sync: false` lets the batch survive a crash of the process only; a later synced
   *   batch makes it durable
   * @throws RaftWalError `RAFT_WAL_INVALID_UPDATE`, `RAFT_WAL_BATCH_TOO_LARGE`,
   *   `RAFT_WAL_BACKLOG_FULL`, `RAFT_WAL_INDEX_FULL`, `RAFT_WAL_DISK_FULL`, `RAFT_WAL_POISONED`,
   *   `RAFT_WAL_CLOSED` with outcome "not-applied"; `RAFT_WAL_WRITE_FAILED`, `RAFT_WAL_SYNC_FAILED`
   *   with outcome "unknown"
   */
  async append(
    updates: readonly GroupUpdate[],
    options: { readonly sync?: boolean } = {},
  ): Promise<AppendReceipt> {
    const { records, commit } = this.#accept(updates);
    const { maxQueuedBytes } = this.#parts.options;
    const queued = this.#queue.queuedBytes;
    if (queued > 0 && queued + frameBytes(records) > maxQueuedBytes) {
      const message = `${queued} bytes wait for the disk; maxQueuedBytes is ${maxQueuedBytes}`;
      throw new RaftWalError({ code: "RAFT_WAL_BACKLOG_FULL", message });
    }
    commit();
    const receipt = await this.#queue.append(records, options.sync !== false);
    return receipt;
  }

  /**
   * As {@link RaftWal.append}, blocking: at low load less than half the latency, at the price of an
   * event loop that waits for the disk.
   * @returns undefined when it could not be done without a wait, because batches are under way or a
   *   segment is full and the next not ready; nothing has happened then
   */
  tryAppendSync(
    updates: readonly GroupUpdate[],
    options: { readonly sync?: boolean } = {},
  ): AppendReceipt | undefined {
    if (!this.#queue.isIdle) return undefined;
    const { records } = this.#accept(updates);
    const receipt = this.#queue.tryAppendSync(records, options.sync !== false);
    this.#onIdle();
    return receipt;
  }

  /** Makes all batches durable that were appended without a sync. */
  async sync(): Promise<void> {
    this.#assertUsable();
    await this.#queue.sync();
  }

  /** Frees segments that are not worth keeping. Runs by itself unless `autoCollect` is off. */
  async collectGarbage(): Promise<CollectReport> {
    this.#assertUsable();
    const report = await this.#collector.collect();
    return report;
  }

  /** All segments but the one being written, oldest first, with the groups that need them. */
  pinnedSegments(): readonly PinnedSegment[] {
    return this.#collector.pinned();
  }

  stats(): WalStats {
    const { files, live, cache, watch, health, indexBytes } = this.#parts;
    return {
      groups: this.groupIds().length,
      segments: files.count,
      fileBytes: files.totalBytes,
      liveBytes: live.total,
      indexBytes: indexBytes.value,
      cachedBytes: cache.bytes,
      queuedBytes: this.#queue.queuedBytes,
      pendingWriteMs: watch.pendingMs,
      isPoisoned: health.isPoisoned,
    };
  }

  /** Waits for batches under way, syncs, and lets go of the directory. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { health, lock } = this.#parts;
    await this.#collector.settle();
    await this.#queue.settle();
    try {
      if (!health.isPoisoned) await this.#vouch();
    } finally {
      await this.#releaseFiles();
      await lock.release();
    }
  }

  async #releaseFiles(): Promise<void> {
    await this.#preparer.close();
    await this.#active.close();
    this.#parts.files.closeSync();
  }

  /** An empty frame: it says that all before it is durable. Left out when it would need a segment. */
  async #vouch(): Promise<void> {
    await this.#queue.sync();
    if (this.#active.room < FRAME_OVERHEAD_BYTES) return;
    await this.#queue.appendLate(() => [], FRAME_OVERHEAD_BYTES);
  }

  #accept(updates: readonly GroupUpdate[]) {
    this.#assertUsable();
    const { options } = this.#parts;
    const states = new Map<number, AcceptedState>();
    const records: WalRecord[] = [];
    for (const update of updates) {
      const { group } = update;
      if (!Number.isSafeInteger(group) || group < 1) throw invalid(group, "not a group number");
      const log = this.#logOf(group);
      const state = states.get(group) ?? {
        ...(this.#accepted.get(group) ?? acceptedStateOf(log)),
      };
      states.set(group, state);
      for (const record of toRecords(update, log, state, options.maxSnapshotDataBytes)) {
        records.push(record);
      }
    }
    const bytes = frameBytes(records);
    if (bytes > options.maxBatchBytes) {
      const message = `a batch of ${bytes} bytes; maxBatchBytes is ${options.maxBatchBytes}`;
      throw new RaftWalError({ code: "RAFT_WAL_BATCH_TOO_LARGE", message });
    }
    if (records.some(({ kind }) => kind === "entries")) this.#assertIndexRoom();
    const commit = () => {
      for (const [group, state] of states) this.#accepted.set(group, state);
    };
    return { records, commit };
  }

  /** What takes no entries passes: votes, commits, and what makes room. */
  #assertIndexRoom(): void {
    const { options, indexBytes, groups } = this.#parts;
    const { maxIndexBytes } = options;
    if (indexBytes.value < maxIndexBytes) return;
    // Groups that were compacted lately keep room for as many entries again.
    for (const log of groups.values()) log.trimIndex();
    if (indexBytes.value < maxIndexBytes) return;
    const message = `the index takes ${indexBytes.value} bytes of ${maxIndexBytes}; compact some group`;
    throw new RaftWalError({ code: "RAFT_WAL_INDEX_FULL", message });
  }

  #takeIn(placed: readonly PlacedRecord[]): void {
    for (const { record, segment, offset } of placed) {
      const problem = this.#logOf(record.group).apply(record, { segment, offset }, true);
      if (problem !== undefined) throw new Error(`assertion: ${problem}`);
      if (record.kind === "remove") this.#removed.add(record.group);
    }
  }

  #onIdle(): void {
    const { groups, options } = this.#parts;
    for (const group of this.#removed) {
      if (groups.get(group)?.exists === false) groups.delete(group);
    }
    this.#removed.clear();
    this.#accepted.clear();
    if (options.autoCollect && this.#closing === undefined && this.#collector.isWorthwhile) {
      this.#collector
        .collect()
        .catch((error: unknown) => options.observer.onCollectFailed?.(error));
    }
  }

  #logOf(group: number): GroupLog {
    const { groups, context } = this.#parts;
    let log = groups.get(group);
    if (log === undefined) {
      log = new GroupLog(group, context);
      groups.set(group, log);
    }
    return log;
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) {
      throw new RaftWalError({ code: "RAFT_WAL_CLOSED", message: "the log is closed" });
    }
    const refusal = this.#parts.health.refusal();
    if (refusal !== undefined) throw refusal;
  }
}
