/**
 * Fills the keydir from records and hint entries in any order of files: the newest sequence number of
 * each key wins. Tombstones are remembered until everything is loaded.
 */
import { asBuffer } from "./bytes.js";
import type { DataFile } from "./data-file.js";
import { createLocation, type Keydir } from "./keydir.js";
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

export class IndexLoader {
  private readonly keydir: Keydir;
  private readonly fileOf: (fileId: number) => DataFile;
  private readonly tombstones = new Map<string, number>();
  private readonly found = createLocation();
  private readonly displaced = createLocation();
  highestSequence = 0;
  timeFloorMs = 0;

  constructor(keydir: Keydir, fileOf: (fileId: number) => DataFile) {
    this.keydir = keydir;
    this.fileOf = fileOf;
  }

  /** `key` is copied where it is kept. */
  load(file: DataFile, record: LoadedRecord, key: Uint8Array): void {
    const { sequence, flags } = record;
    if (sequence > this.highestSequence) this.highestSequence = sequence;
    if (sequence < file.minSequence) file.minSequence = sequence;
    if (flags & CONTROL) {
      this.timeFloorMs = Math.max(this.timeFloorMs, record.expiresAt);
      return;
    }
    const isKnown = this.keydir.get(key, this.found);
    if (flags & TOMBSTONE) this.loadTombstone(sequence, key, isKnown);
    else this.loadValue(file, record, key, isKnown);
  }

  private loadTombstone(sequence: number, key: Uint8Array, isKnown: boolean): void {
    if (isKnown) {
      if (this.found.sequence > sequence) return;
      this.keydir.delete(key, this.displaced);
      this.fileOf(this.displaced.fileId).liveBytes -= this.displaced.size;
    }
    const name = asBuffer(key).toString("latin1");
    if (sequence > (this.tombstones.get(name) ?? 0)) this.tombstones.set(name, sequence);
  }

  private loadValue(file: DataFile, record: LoadedRecord, key: Uint8Array, isKnown: boolean): void {
    const { sequence, position, recordSize, expiresAt } = record;
    if (isKnown) {
      if (this.found.sequence >= sequence) return;
    } else if (this.tombstones.size > 0) {
      const deletedAt = this.tombstones.get(asBuffer(key).toString("latin1"));
      if (deletedAt !== undefined && deletedAt > sequence) return;
    }
    const location = {
      fileId: file.id,
      position,
      size: recordSize,
      sequence,
      expiresAt,
      flags: 0,
    };
    if (this.keydir.set(key, location, this.displaced)) {
      this.fileOf(this.displaced.fileId).liveBytes -= this.displaced.size;
    }
    file.liveBytes += recordSize;
  }
}
