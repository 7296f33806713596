/**
 * The files that make up a store at one moment, for copying: they stay on disk until released, and
 * the bytes within the sizes given never change.
 */
import type { ActiveLog } from "./active-log.js";
import type { DataFile } from "./data-file.js";
import { DATA_HEADER_BYTES } from "./data-file-header.js";
import type { FileSet } from "./file-set.js";
import type { Manifest } from "./manifest.js";
import type { ManifestStore } from "./manifest-store.js";
import type { StoreTime } from "./store-time.js";
import type { WriteQueue } from "./write-queue.js";

export interface FrozenFile {
  readonly file: DataFile;
  /** Bytes that count; a file that takes writes goes on growing behind them. */
  readonly bytes: number;
  readonly isSealed: boolean;
}

export interface FrozenFiles {
  /** What the manifest of an exact copy says. */
  readonly manifest: Manifest;
  readonly files: readonly FrozenFile[];
  /** Lets merges remove the files. Idempotent. */
  release(): void;
}

interface FreezableParts {
  readonly files: FileSet;
  readonly manifest: ManifestStore;
  readonly log: ActiveLog;
  readonly queue: WriteQueue;
  readonly now: StoreTime;
}

/**
 * Freezes the store between two groups of writes.
 * @param maxTailBytes an active file with more records than this is sealed first
 */
export function freezeFiles(parts: FreezableParts, maxTailBytes: number): Promise<FrozenFiles> {
  const { files, manifest, log, queue, now } = parts;
  return queue.exclusively(async () => {
    if (log.file.size - DATA_HEADER_BYTES > maxTailBytes) await log.rotate();
    // A merge's file is listed some microtasks before it is in use.
    const isInUse = () => manifest.current.files.every(({ id }) => files.has(id));
    while (!isInUse()) await new Promise((resolve) => setImmediate(resolve));
    const listed = manifest.current.files.map(({ id }) => files.get(id));
    return freeze(files, listed, {
      ...manifest.current,
      nextFileId: Math.max(log.upcomingFileId, manifest.current.nextFileId),
      nextSequence: log.upcomingSequence,
      timeFloorMs: Math.max(now.floor, manifest.current.timeFloorMs),
    });
  });
}

/** Pins `listed` as they are now. */
export function freeze(set: FileSet, listed: readonly DataFile[], manifest: Manifest): FrozenFiles {
  for (const file of listed) set.pin(file);
  let isReleased = false;
  return {
    manifest: {
      ...manifest,
      files: listed.map(({ id, size, isSealed, keptTombstoneBytes }) => {
        return { id, durableBytes: size, isSealed, keptTombstoneBytes };
      }),
      obsoleteFileIds: [],
    },
    files: listed.map((file) => ({ file, bytes: file.size, isSealed: file.isSealed })),
    release() {
      if (isReleased) return;
      isReleased = true;
      for (const file of listed) set.unpin(file);
    },
  };
}
