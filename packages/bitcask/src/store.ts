/**
 * Puts the parts of a store together: opens, recovers, wires, and takes them apart again in order.
 */
import { ActiveLog } from "./active-log.js";
import { createDirectory, findLeftovers, prepareDirectory, removeLeftovers } from "./directory.js";
import { KeyRing } from "./encryption/key-ring.js";
import { BitcaskError } from "./errors.js";
import { FileSet } from "./file-set.js";
import { type FrozenFiles, freeze, freezeFiles } from "./frozen-files.js";
import { Health } from "./health.js";
import { ImageKeeper } from "./image-keeper.js";
import { toBitcaskError } from "./io-errors.js";
import { Keydir } from "./keydir/keydir.js";
import { DirectoryLock } from "./lock-file.js";
import { ManifestStore } from "./manifest-store.js";
import { Merger } from "./merge.js";
import type { ResolvedOptions } from "./options.js";
import { ReadSlab } from "./read-slab.js";
import { RecordReader } from "./record-reader.js";
import { recoverFiles } from "./recovery.js";
import type { BitcaskStats, OpenReport } from "./stats.js";
import { withFiles } from "./store-files.js";
import { StoreTime } from "./store-time.js";
import { ValueCache } from "./value-cache.js";
import { WriteApplier } from "./write-applier.js";
import { WriteQueue } from "./write-queue.js";

interface StoreParts {
  readonly directory: string;
  readonly options: ResolvedOptions;
  readonly keydir: Keydir;
  readonly files: FileSet;
  readonly health: Health;
  readonly now: StoreTime;
  readonly manifest: ManifestStore;
  readonly log: ActiveLog;
  readonly keys: KeyRing;
  /** `undefined`: the store is open for reading only. */
  readonly lock: DirectoryLock | undefined;
  readonly image: ImageKeeper;
  readonly report: OpenReport;
}

export class Store {
  readonly directory: string;
  readonly options: ResolvedOptions;
  readonly keydir: Keydir;
  readonly files: FileSet;
  readonly health: Health;
  readonly now: StoreTime;
  readonly reader: RecordReader;
  readonly queue: WriteQueue;
  readonly merger: Merger;
  private readonly cache: ValueCache | undefined;
  private readonly manifest: ManifestStore;
  private readonly log: ActiveLog;
  private readonly keys: KeyRing;
  private readonly lock: DirectoryLock | undefined;
  private readonly image: ImageKeeper;
  private readonly report: OpenReport;
  private isClosing = false;

  constructor(parts: StoreParts) {
    const { directory, options, keydir, files, health, now, manifest, log, keys } = parts;
    this.directory = directory;
    this.options = options;
    this.keydir = keydir;
    this.files = files;
    this.health = health;
    this.now = now;
    this.manifest = manifest;
    this.log = log;
    this.keys = keys;
    this.lock = parts.lock;
    this.image = parts.image;
    this.report = parts.report;
    const { valueCacheBytes, verifyChecksums } = options;
    this.cache = valueCacheBytes === 0 ? undefined : new ValueCache(valueCacheBytes);
    this.reader = new RecordReader({
      keydir,
      files,
      time: now,
      cache: this.cache,
      unpacker: options.unpacker,
      slab: new ReadSlab(),
      verifyChecksums,
    });
    const applier = new WriteApplier(keydir, files, now, this.cache);
    this.queue = new WriteQueue({ log, applier, keydir, time: now, health, options });
    const { fileSystem, random } = options;
    const { queue } = this;
    const time = now;
    const observer = options.onEvent;
    const services = { fileSystem, random, manifest, log, queue, time, health, keys, observer };
    this.merger = new Merger({ ...services, directory, keydir, files }, options);
  }

  /** @throws BitcaskError `BITCASK_CLOSED`, or the poisoning error */
  assertReadable(): void {
    if (this.isClosing) {
      throw new BitcaskError({ code: "BITCASK_CLOSED", message: "the store is closed" });
    }
    this.health.assertSound();
  }

  get isReadOnly(): boolean {
    return this.lock === undefined;
  }

  stats(): BitcaskStats {
    const files = this.files.list().map((file) => ({
      id: file.id,
      bytes: file.size,
      liveBytes: file.liveBytes,
      deadBytes: file.deadBytes,
      isActive: !file.isSealed,
      encryptionKeyId: file.keyId === 0 ? undefined : file.keyId,
    }));
    const { recordCount, groupCount, writtenBytes } = this.queue.written;
    return {
      keys: this.keydir.size,
      liveBytes: files.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
      deadBytes: files.reduce((sum, { deadBytes }) => sum + deadBytes, 0),
      files,
      writes: {
        records: recordCount,
        groups: groupCount,
        syncs: this.log.syncCount,
        bytes: writtenBytes,
        queuedWrites: this.queue.queuedWrites,
        queuedBytes: this.queue.queuedBytes,
      },
      cache: {
        bytes: this.cache?.bytes ?? 0,
        hits: this.cache?.hits ?? 0,
        misses: this.cache?.misses ?? 0,
      },
      merge: this.merger.stats(),
      open: this.report,
    };
  }

  /** See {@link freezeFiles}. The caller must release what it gets. */
  freeze(maxTailBytes: number): Promise<FrozenFiles> {
    const { files, manifest, log, queue, now } = this;
    if (this.isReadOnly) {
      const nextSequence = log.upcomingSequence;
      return Promise.resolve(freeze(files, files.list(), { ...manifest.current, nextSequence }));
    }
    return freezeFiles({ files, manifest, log, queue, now }, maxTailBytes);
  }

  /** Settles, records the clean end, releases. @throws BitcaskError the poisoning error */
  async close(): Promise<void> {
    this.isClosing = true;
    if (this.isReadOnly) return this.files.closeAll();
    try {
      await this.merger.stop();
      if (!this.health.isPoisoned) await this.queue.settleForGood();
      // No group is under way or comes later: what is recorded of the files stays true.
      await this.queue.exclusively(() => this.endCleanly());
    } finally {
      this.queue.stop();
      await this.files.closeAll();
      await this.lock?.release();
    }
    this.health.assertSound();
  }

  private async endCleanly(): Promise<void> {
    if (!this.health.isPoisoned) await this.log.trim();
    await this.merger.hintActive();
    if (!this.health.isPoisoned) await this.recordCleanEnd();
    if (this.options.indexImage) await this.writeImage();
  }

  /** With the exact size of the active file on record, any later change of it is found. */
  private async recordCleanEnd(): Promise<void> {
    await this.manifest.replace((current) => ({
      ...current,
      nextFileId: Math.max(this.log.upcomingFileId, current.nextFileId),
      nextSequence: this.log.upcomingSequence,
      timeFloorMs: Math.max(this.now.floor, current.timeFloorMs),
      files: withFiles(current.files, [this.log.file]),
    }));
  }

  private async writeImage(): Promise<void> {
    const { keydir, health } = this;
    if (health.isPoisoned || keydir.size < this.options.minImagedKeys) return;
    const manifest = this.manifest.current;
    const cipher = this.keys.cipherOfStore(manifest.storeId);
    await this.image.write({ manifest, files: this.files.list(), cipher, keydir });
  }
}

/** Opens the store in `directory`. @throws BitcaskError */
export async function openStore(directory: string, options: ResolvedOptions): Promise<Store> {
  try {
    await createDirectory(options.fileSystem, directory, options.createIfMissing);
    const lock = await DirectoryLock.acquire(options, directory);
    const files = new FileSet(options.fileSystem, options.maxOpenFiles);
    try {
      return await openLocked(directory, options, lock, files);
    } catch (error) {
      await files.closeAll().catch(() => undefined);
      await lock.release().catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw toBitcaskError(error, {
      action: "open the store in",
      file: directory,
      otherwise: "BITCASK_READ_FAILED",
    });
  }
}

async function openLocked(
  directory: string,
  options: ResolvedOptions,
  lock: DirectoryLock,
  files: FileSet,
): Promise<Store> {
  const { fileSystem, random, clock } = options;
  const health = new Health();
  const context = { fileSystem, directory };
  const keys = await KeyRing.open(options.encryption, random);
  const { manifest: found, names } = await prepareDirectory(context, lock, options);
  const { ordered, maxKeydirBytes: maxBytes } = options;
  const state = await recoverFiles(context, found, {
    createKeydir: () => new Keydir({ random }, { ordered, maxBytes }),
    files,
    keys,
    onProgress: options.onOpenProgress,
  });
  const { keydir } = state;
  const manifest = new ManifestStore(fileSystem, directory, health, found);
  const leftovers = await findLeftovers(context, found, names);
  const now = new StoreTime(clock, state.timeFloorMs);
  const { dataFileMaxBytes } = options;
  const nextFileId = Math.max(found.nextFileId, leftovers.highestId + 1);
  const log = new ActiveLog(
    { fileSystem, random, directory, files, manifest, health, time: now, keys, dataFileMaxBytes },
    { ...state, nextFileId },
  );
  // Written anew even when nothing changed: what was read may have been in the page cache only. Only
  // then may the files go that it calls obsolete.
  await manifest.replace((current) => ({
    ...current,
    timeFloorMs: Math.max(current.timeFloorMs, state.timeFloorMs),
    nextSequence: state.nextSequence,
    files: withFiles(current.files, state.active === undefined ? [] : [state.active]),
  }));
  await removeLeftovers(context, manifest, leftovers.removed);
  const image = new ImageKeeper(fileSystem, directory);
  if (options.indexImage && state.imagedFiles !== undefined) image.keep(state.imagedFiles);
  else await image.remove();
  log.onFirstAppend = () => void image.remove();
  // A file has one key: what comes now is encrypted as the options say.
  if (state.active?.keyId !== keys.currentKeyId) await log.rotate();
  const report: OpenReport = {
    tornTail: state.tornTail,
    cutZeros: state.cutZeros,
    ignoredHints: state.ignoredHints,
    removedFiles: leftovers.removed,
    foreignFiles: leftovers.foreign,
    recordsScanned: state.recordsScanned,
    hintEntriesLoaded: state.hintEntriesLoaded,
    staleLockTakenOver: lock.hasTakenOver,
  };
  const parts = {
    directory,
    options,
    keydir,
    files,
    health,
    now,
    manifest,
    log,
    keys,
    lock,
    image,
    report,
  };
  const store = new Store(parts);
  store.merger.mergeIfDue();
  return store;
}
