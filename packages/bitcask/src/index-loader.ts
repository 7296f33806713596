/**
 * Fills the keydir from records and hint entries in any order of files: the newest sequence number of
 * each key wins. Keeps account of live bytes, the highest number and the time floor on the way.
 */
import type { DataFile } from "./data-file.js";
import { KeySlice } from "./keydir/key-probe.js";
import type { Keydir } from "./keydir/keydir.js";
import type { KeydirLoader } from "./keydir/keydir-loader.js";
import { createLocation } from "./keydir/location.js";
import { CONTROL, TOMBSTONE } from "./record-format.js";

/** A record, seen in a data file or in a hint. */
export interface LoadedRecord {
  readonly flags: number;
  readonly sequence: number;
  /** Of a control record, the time floor. */
  readonly expiresAt: number;
  readonly recordSize: number;
  readonly position: number;
}

/** Copies of keys that the keydir has not worked off yet. */
const KEY_COPIES_BYTES = 64 * 1024;

export class IndexLoader {
  private readonly loader: KeydirLoader;
  private readonly location = createLocation();
  private readonly slice = new KeySlice();
  private copies = new Uint8Array(KEY_COPIES_BYTES);
  private copiedBytes = 0;
  highestSequence = 0;
  timeFloorMs = 0;

  /** @throws BitcaskError `BITCASK_INDEX_FULL`, as do all methods */
  constructor(keydir: Keydir, fileOf: (fileId: number) => DataFile) {
    this.loader = keydir.load((dead) => {
      fileOf(dead.fileId).liveBytes -= dead.size;
    });
  }

  /** Makes room for so many keys at once. */
  expect(keys: number): void {
    this.loader.expect(keys);
  }

  /** Takes a record whose key's bytes stay as they are until {@link IndexLoader.flush}. */
  load(file: DataFile, record: LoadedRecord, key: KeySlice): void {
    const { sequence, flags } = record;
    if (sequence > this.highestSequence) this.highestSequence = sequence;
    if (sequence < file.minSequence) file.minSequence = sequence;
    if (flags & CONTROL) {
      this.timeFloorMs = Math.max(this.timeFloorMs, record.expiresAt);
      return;
    }
    const { location } = this;
    location.fileId = file.id;
    location.position = record.position;
    location.size = record.recordSize;
    location.sequence = sequence;
    location.expiresAt = record.expiresAt;
    if (flags & TOMBSTONE) {
      this.loader.addTombstone(key, location);
      return;
    }
    // First, because adding may find at once that the record is dead.
    file.liveBytes += record.recordSize;
    this.loader.add(key, location);
  }

  /** Takes a record whose key's bytes may change after the call. */
  loadCopy(file: DataFile, record: LoadedRecord, key: Uint8Array): void {
    if (this.copiedBytes + key.length > this.copies.length) {
      this.flush();
      if (key.length > this.copies.length) this.copies = new Uint8Array(key.length);
    }
    const { slice } = this;
    this.copies.set(key, this.copiedBytes);
    slice.bytes = this.copies;
    slice.start = this.copiedBytes;
    slice.length = key.length;
    this.copiedBytes += key.length;
    this.load(file, record, slice);
  }

  /** Works off what was taken; buffers of keys may be reused. */
  flush(): void {
    this.loader.flush();
    this.copiedBytes = 0;
  }

  /** Hands the keydir over for use. */
  finish(): void {
    this.loader.finish();
  }
}
