/**
 * One step of a merge: reads some sealed files, writes what is still needed of them to one new file,
 * and swaps them in the manifest. Interrupted at any point, the store is as before or as after.
 *
 * What is needed:
 * - a value that the keydir points to here, unless it has expired;
 * - a tombstone, or in place of an expired value a tombstone, while a file outside of the step may
 *   hold an older record of that key. Without it that record would come back at the next open.
 *
 * Before the swap the log is synced: a record that was dropped because a newer one exists must not
 * go before that newer one is durable.
 */
import type { ActiveLog } from "./active-log.js";
import type { DataFile } from "./data-file.js";
import { DATA_HEADER_BYTES } from "./data-file-header.js";
import type { KeyRing } from "./encryption/key-ring.js";
import { BitcaskError } from "./errors.js";
import { type BitcaskObserver, tell } from "./events.js";
import type { FileSet } from "./file-set.js";
import type { Health } from "./health.js";
import { createHintEntry, hintedRecordSize, readHintEntry } from "./hint-format.js";
import { KeySlice } from "./keydir/key-probe.js";
import type { Keydir } from "./keydir/keydir.js";
import { createLocation } from "./keydir/location.js";
import type { ManifestStore } from "./manifest-store.js";
import { MergeOutput } from "./merge-output.js";
import type { MergePace } from "./merge-pace.js";
import type { FileSystem, Random } from "./ports.js";
import { CONTROL, type RecordHeader, TOMBSTONE } from "./record-format.js";
import { type RecordVisitor, type ScanPauses, scanRecords } from "./record-scanner.js";
import { withFiles, withoutFiles } from "./store-files.js";
import type { StoreTime } from "./store-time.js";
import type { WriteQueue } from "./write-queue.js";

export interface MergeParts {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly random: Random;
  readonly keydir: Keydir;
  readonly files: FileSet;
  readonly manifest: ManifestStore;
  readonly log: ActiveLog;
  readonly queue: WriteQueue;
  readonly time: StoreTime;
  readonly health: Health;
  readonly keys: KeyRing;
  readonly observer: BitcaskObserver | undefined;
}

/** Entries between two turns of the event loop while the keydir is moved over. */
const MOVE_SLICE = 128;
/** Bytes between two reports of progress. */
const PROGRESS_BYTES = 1024 * 1024;

export class MergeStep implements ScanPauses {
  private readonly parts: MergeParts;
  private readonly inputs: readonly DataFile[];
  private readonly inputIds: ReadonlySet<number>;
  private readonly output: MergeOutput;
  private readonly pace: MergePace;
  private toldBytes = 0;
  /** No file outside of the step holds a record older than this. */
  private readonly oldestElsewhere: number;
  private readonly found = createLocation();
  private readonly expired: { readonly key: Uint8Array; readonly sequence: number }[] = [];
  /** Bytes of the inputs read so far. */
  doneBytes = 0;
  readonly totalBytes: number;

  constructor(parts: MergeParts, inputs: readonly DataFile[], pace: MergePace) {
    this.parts = parts;
    this.pace = pace;
    this.inputs = inputs;
    this.inputIds = new Set(inputs.map(({ id }) => id));
    this.totalBytes = inputs.reduce((sum, { size }) => sum + size, 0);
    const others = parts.files.list().filter(({ id }) => !this.inputIds.has(id));
    const oldest = others.map(({ minSequence }) => minSequence);
    this.oldestElsewhere = Math.min(parts.log.upcomingSequence, ...oldest);
    const fileId = parts.log.takeFileId();
    const salt = parts.random.nextInt(2 ** 32);
    const { storeId } = parts.manifest.current;
    const cipher = parts.keys.cipherOfNew({ fileId, salt, storeId });
    const createdAtMs = parts.time.now();
    const identity = { id: fileId, salt, storeId, createdAtMs, cipher };
    this.output = new MergeOutput(parts.fileSystem, parts.directory, identity);
  }

  /** @returns the new file; `undefined` when nothing of the inputs was needed any more */
  async run(): Promise<DataFile | undefined> {
    let created: DataFile | undefined;
    try {
      for (const input of this.inputs) await this.readInput(input);
      created = await this.output.finish();
      await this.parts.queue.settle();
      await this.swap(created);
    } catch (error) {
      await created?.handle?.close();
      // Poisoned: the manifest on disk may name the file, so it stays.
      if (this.parts.health.isPoisoned) await this.output.closeHandle();
      else await this.output.abandon();
      throw error;
    }
    if (created !== undefined) await this.moveKeys(created);
    await this.forgetExpired();
    return created;
  }

  private async readInput(input: DataFile): Promise<void> {
    const { files } = this.parts;
    const handle = files.beginRead(input);
    try {
      const { salt, cipher, path } = input;
      const source = { handle, salt, cipher, path };
      const visit: RecordVisitor = (header, buffer, at, position) => {
        this.consider(input, header, buffer, at, position);
        this.doneBytes += header.recordSize;
      };
      const stop = await scanRecords(source, DATA_HEADER_BYTES, input.size, visit, this);
      if (stop.fault !== undefined) throw damaged(input, stop.offset, stop.fault);
    } finally {
      files.endRead(input);
    }
  }

  /** Of the scan of an input. */
  get sliceBytes(): number {
    return this.pace.sliceBytes;
  }

  /** Of the scan of an input. */
  async pause(bytes: number): Promise<void> {
    await this.output.flushIfLarge();
    const { doneBytes, totalBytes } = this;
    if (doneBytes - this.toldBytes >= PROGRESS_BYTES) {
      this.toldBytes = doneBytes;
      tell(this.parts.observer, { type: "merge-progress", doneBytes, totalBytes });
    }
    await this.pace.pause(bytes);
  }

  private consider(
    input: DataFile,
    header: Readonly<RecordHeader>,
    buffer: Buffer,
    at: number,
    position: number,
  ): void {
    if (header.flags & CONTROL) return; // The swap records the time floor anew.
    const { sequence, expiresAt } = header;
    const keyStart = at + header.keyStart;
    const valueStart = keyStart + header.keySize;
    const key = buffer.subarray(keyStart, valueStart);
    const isKnown = this.parts.keydir.get(key, this.found);
    if (header.flags & TOMBSTONE) {
      if (!isKnown) this.keepTombstone(key, sequence);
      return;
    }
    const isLive = isKnown && this.found.fileId === input.id && this.found.position === position;
    if (!isLive) return;
    if (this.parts.time.hasExpired(expiresAt)) {
      this.expired.push({ key: Uint8Array.from(key), sequence });
      this.keepTombstone(key, sequence);
      return;
    }
    const value = buffer.subarray(valueStart, valueStart + header.valueSize);
    this.output.add({ key, value, expiresAt }, sequence, header.flags);
  }

  private keepTombstone(key: Uint8Array, sequence: number): void {
    if (this.oldestElsewhere > sequence) return;
    this.output.add({ key, value: undefined, expiresAt: 0 }, sequence, 0);
  }

  private async swap(created: DataFile | undefined): Promise<void> {
    const { files, manifest, log, time } = this.parts;
    await manifest.replace((current) => {
      const staying = withoutFiles(current.files, this.inputIds);
      return {
        ...current,
        nextFileId: Math.max(log.upcomingFileId, current.nextFileId),
        nextSequence: Math.max(log.upcomingSequence, current.nextSequence),
        timeFloorMs: Math.max(time.floor, current.timeFloorMs),
        files: withFiles(staying, created === undefined ? [] : [created]),
        obsoleteFileIds: [...current.obsoleteFileIds, ...this.inputIds],
      };
    });
    if (created !== undefined) files.add(created);
  }

  /** Points the keydir to the new file, where it still points to an input. */
  private async moveKeys(created: DataFile): Promise<void> {
    const entry = createHintEntry();
    const key = new KeySlice();
    let count = 0;
    for (const chunk of this.output.hint.chunks()) {
      for (let at = 0; at < chunk.length; at = entry.end) {
        readHintEntry(chunk, at, entry);
        if (!(entry.flags & TOMBSTONE)) {
          key.bytes = chunk;
          key.start = entry.keyStart;
          key.length = entry.keySize;
          this.moveKey(key, created, entry);
        }
        count += 1;
        if (count % MOVE_SLICE === 0) await turnOfEventLoop();
      }
    }
  }

  /** Snapshots follow; versions that they alone see stay where they are, in files that they pin. */
  private moveKey(
    key: KeySlice,
    created: DataFile,
    entry: ReturnType<typeof createHintEntry>,
  ): void {
    const { keydir, files } = this.parts;
    const { found } = this;
    if (!keydir.get(key, found) || found.sequence !== entry.sequence) return;
    const { position } = entry;
    // Another one than before, when only one of the two files is encrypted.
    const size = hintedRecordSize(entry);
    if (!keydir.relocate(key, found, { fileId: created.id, position, size })) return;
    files.get(found.fileId).liveBytes -= found.size;
    created.liveBytes += size;
  }

  private async forgetExpired(): Promise<void> {
    const { keydir, files } = this.parts;
    let count = 0;
    for (const { key, sequence } of this.expired) {
      const isSame = keydir.get(key, this.found) && this.found.sequence === sequence;
      if (isSame && keydir.forget(key, this.found, this.found)) {
        files.get(this.found.fileId).liveBytes -= this.found.size;
      }
      count += 1;
      if (count % MOVE_SLICE === 0) await turnOfEventLoop();
    }
  }
}

/** Lets timers and I/O run; a merge is never urgent. */
function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function damaged(file: DataFile, offset: number, fault: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_CORRUPT",
    message: `${file.path} is damaged at offset ${offset}: ${fault}; it was not merged, nothing was changed`,
    file: file.path,
    offset,
  });
}
