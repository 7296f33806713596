/**
 * Which sealed files are worth merging. A file is due when enough of it is dead, as a share or in bytes;
 * files that are less so go with it, because the step is paid for already. Many small files are due for
 * being many: each costs a descriptor and a step of every opening.
 */
import type { DataFile } from "./data-file.js";
import { DATA_HEADER_BYTES } from "./data-file-header.js";

export interface MergeThresholds {
  readonly mergeDeadFraction: number;
  readonly mergeDeadBytes: number;
  readonly mergeSmallFileBytes: number;
  readonly dataFileMaxBytes: number;
}

/** A file that goes along needs this part of what makes one due. */
const ALONG = 0.5;
/** So many small files are merged into one; fewer would be rewritten too often. */
const SMALL_FILES = 8;

/** Files to merge now, none when nothing is due. Those in which damage was found are left alone. */
export function filesToMerge(files: readonly DataFile[], thresholds: MergeThresholds): DataFile[] {
  const candidates = files.filter((file) => file.isSealed && !file.isUnmergeable);
  const isDue = (file: DataFile, part: number) => isDeadEnough(file, thresholds, part);
  const small = smallFiles(candidates, thresholds);
  const due = candidates.some((file) => isDue(file, 1))
    ? candidates.filter((file) => isDue(file, ALONG))
    : [];
  return small.length < SMALL_FILES ? due : [...new Set([...due, ...small])];
}

/** Bytes that a merge of the file could reclaim, as far as it is known. */
export function reclaimableBytes({ deadBytes, keptTombstoneBytes }: DataFile): number {
  return Math.max(0, deadBytes - keptTombstoneBytes);
}

function isDeadEnough(file: DataFile, thresholds: MergeThresholds, part: number): boolean {
  const { mergeDeadFraction, mergeDeadBytes } = thresholds;
  const dead = reclaimableBytes(file);
  const share = (file.size - DATA_HEADER_BYTES) * mergeDeadFraction;
  return dead > 0 && dead >= Math.min(share, mergeDeadBytes) * part;
}

function smallFiles(
  files: readonly DataFile[],
  { mergeSmallFileBytes, dataFileMaxBytes }: MergeThresholds,
): DataFile[] {
  // With tiny data files every file is small, and merging would not make larger ones.
  const limit = Math.min(mergeSmallFileBytes, dataFileMaxBytes / SMALL_FILES);
  return files.filter(({ size }) => size < limit);
}
