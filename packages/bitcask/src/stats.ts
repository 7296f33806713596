/** What a store says about itself. All figures are bytes or counts since the store was opened. */

/** What opening found and mended. Empty lists after a clean close. */
export interface OpenReport {
  /** A torn end of the newest file that was cut off; never acknowledged as durable. */
  readonly tornTail: TornTail | undefined;
  /**
   * Zeros at the end of the newest file that were cut off after an end that was not clean. They are what
   * durable writes reserve ahead; but a last group that was synced and has since come to read as zeros
   * cannot be told from that, and would be lost with them.
   */
  readonly cutZeros: CutZeros | undefined;
  /** Hint files that could not be used, so that their data files were read in full; and an image of the
   *  index, so that hint files were. */
  readonly ignoredHints: readonly IgnoredFile[];
  /** Leftovers of an interrupted rotation or merge that were removed. */
  readonly removedFiles: readonly string[];
  /** Names in the directory that are not the store's; they are left alone. */
  readonly foreignFiles: readonly string[];
  /** Records read from data files because no hint covered them. */
  readonly recordsScanned: number;
  /** Keys loaded from the image of the index or from hint files. */
  readonly hintEntriesLoaded: number;
  /** A lock of a dead process was taken over. */
  readonly staleLockTakenOver: boolean;
}

/** How far an opening has come: bytes of what is read for the index, data files that hints cover included. */
export interface OpenProgress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface CutZeros {
  readonly file: string;
  /** Where the last whole record ends, which is the first byte that was cut. */
  readonly offset: number;
  readonly bytes: number;
}

export interface TornTail {
  readonly file: string;
  /** Offset of the first byte that was cut. */
  readonly offset: number;
  /** How many bytes were cut, not counting zeros at the end. */
  readonly bytes: number;
  /** Why the bytes are not a record. */
  readonly reason: string;
}

export interface IgnoredFile {
  readonly file: string;
  readonly reason: string;
}

export interface DataFileStats {
  readonly id: number;
  /** Size on disk, header included. */
  readonly bytes: number;
  /** Bytes of records that are some key's newest. */
  readonly liveBytes: number;
  /** The rest, header excluded: overwritten, deleted, tombstones. */
  readonly deadBytes: number;
  /** The file that takes writes. */
  readonly isActive: boolean;
  /** Names the key that the file is encrypted with; `undefined`: it is not. */
  readonly encryptionKeyId: number | undefined;
}

export interface MergeStats {
  readonly isRunning: boolean;
  /** Merge steps that were committed. */
  readonly completedSteps: number;
  /** Steps given up without effect, e.g. for lack of space. */
  readonly failedSteps: number;
  readonly filesRemoved: number;
  readonly bytesReclaimed: number;
  /** Bytes read so far by the step under way, and to be read in all. */
  readonly currentBytes: number;
  readonly currentTotalBytes: number;
}

export interface WriteStats {
  /** Records written: puts, deletes and members of batches. */
  readonly records: number;
  /** Groups, each one contiguous write. */
  readonly groups: number;
  /** Calls of fdatasync on the active file that succeeded. */
  readonly syncs: number;
  readonly bytes: number;
  /** Writes waiting now, and their bytes; those kept outside by `maxQueuedBytes` included. */
  readonly queuedWrites: number;
  readonly queuedBytes: number;
}

export interface CacheStats {
  /** Values held and what they take beside, at most `valueCacheBytes`. */
  readonly bytes: number;
  /** Reads of keys that are there, served from memory and from disk. */
  readonly hits: number;
  readonly misses: number;
}

export interface BitcaskStats {
  /** Keys in the index; those expired but not yet merged away count. */
  readonly keys: number;
  readonly liveBytes: number;
  readonly deadBytes: number;
  readonly files: readonly DataFileStats[];
  readonly writes: WriteStats;
  readonly cache: CacheStats;
  readonly merge: MergeStats;
  readonly open: OpenReport;
}
