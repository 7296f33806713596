/** Makes written records visible: moves the keydir and the account of live bytes to them. */

import type { DataFile } from "./data-file.js";
import type { FileSet } from "./file-set.js";
import { KeySlice } from "./keydir/key-probe.js";
import type { Keydir } from "./keydir/keydir.js";
import { createLocation } from "./keydir/location.js";
import { LOOK_AHEAD_KEYS } from "./keydir/look-ahead.js";
import type { RecordBuffer } from "./record-buffer.js";
import {
  COMPRESSED,
  CONTROL,
  createRecordHeader,
  ENCRYPTED,
  readUint64,
  TOMBSTONE,
} from "./record-format.js";
import type { StoreTime } from "./store-time.js";
import type { ValueCache } from "./value-cache.js";

/** Fewer have little to overlap. */
const LEAST_AHEAD = 8;

export class WriteApplier {
  private readonly keydir: Keydir;
  private readonly files: FileSet;
  private readonly time: StoreTime;
  private readonly cache: ValueCache | undefined;
  private readonly header = createRecordHeader();
  private readonly location = createLocation();
  private readonly displaced = createLocation();
  private readonly key = new KeySlice();
  private readonly ahead = Array.from({ length: LOOK_AHEAD_KEYS }, () => new KeySlice());

  constructor(keydir: Keydir, files: FileSet, time: StoreTime, cache?: ValueCache) {
    this.keydir = keydir;
    this.files = files;
    this.time = time;
    this.cache = cache;
  }

  /**
   * Applies the sealed records in `[from, to)`, which lie in `file` from `position` on.
   * @returns whether the last record was a tombstone that removed a key
   */
  apply(
    records: RecordBuffer,
    from: number,
    to: number,
    file: DataFile,
    position: number,
  ): boolean {
    const { header, location, key } = this;
    key.bytes = records.bytes;
    let existed = false;
    let fetchedUpTo = from;
    for (let at = from; at < to; at += header.recordSize) {
      if (at === fetchedUpTo) fetchedUpTo = this.fetchAhead(records, at, to);
      records.readHeader(at, header);
      const keyStart = at + header.keyStart;
      if (header.flags & CONTROL) {
        this.time.markRecorded(readUint64(records.bytes, keyStart + 1));
        continue;
      }
      key.start = keyStart;
      key.length = header.keySize;
      if (header.flags & TOMBSTONE) {
        existed = this.remove(key, header.sequence);
        continue;
      }
      location.fileId = file.id;
      location.position = position + (at - from);
      location.size = header.recordSize;
      location.sequence = header.sequence;
      location.expiresAt = header.expiresAt;
      if (this.keydir.set(key, location, this.displaced) === "location") this.discount();
      file.liveBytes += header.recordSize;
      if (this.cache?.has(location.record)) this.refresh(this.cache, records.bytes, at);
    }
    return existed;
  }

  /**
   * Has the index fetched from memory where the keys of the next records are, side by side: setting them
   * one by one would wait for each.
   * @returns where the records end that were looked at
   */
  private fetchAhead(records: RecordBuffer, from: number, to: number): number {
    const { header, ahead } = this;
    let count = 0;
    let at = from;
    while (at < to && count < ahead.length) {
      records.readHeader(at, header);
      const key = ahead[count] as KeySlice;
      key.bytes = records.bytes;
      key.start = at + header.keyStart;
      key.length = header.keySize;
      count += 1;
      at += header.recordSize;
    }
    if (count >= LEAST_AHEAD) this.keydir.ahead.fetch(ahead, 0, count);
    return at;
  }

  /** A value that is read often stays in the cache when it is written. */
  private refresh(cache: ValueCache, bytes: Uint8Array, at: number): void {
    const { flags, keyStart, keySize, valueSize, sequence } = this.header;
    if (flags & (COMPRESSED | ENCRYPTED)) return;
    const from = at + keyStart + keySize;
    cache.replace(this.location.record, sequence, bytes.subarray(from, from + valueSize));
  }

  private remove(key: KeySlice, sequence: number): boolean {
    if (this.keydir.delete(key, sequence, this.displaced) === "none") return false;
    this.discount();
    return !this.time.hasExpired(this.displaced.expiresAt);
  }

  private discount(): void {
    this.files.get(this.displaced.fileId).liveBytes -= this.displaced.size;
  }
}
