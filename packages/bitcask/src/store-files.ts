/**
 * Changes of the manifest's list of files. Each starts from the list that is on disk, never from the
 * files in use: a rotation and a merge overlap, and what one has not finished must not undo the other.
 */
import type { DataFile } from "./data-file.js";
import type { ManifestFile } from "./manifest.js";

/** `listed` with these files as they are now: replaced where they are listed, else added. */
export function withFiles(
  listed: readonly ManifestFile[],
  files: readonly DataFile[],
): ManifestFile[] {
  return withEntries(listed, files.map(describe));
}

/** `listed` after a rotation: `before`, if there was a file, is sealed and `created` takes writes. */
export function withRotation(
  listed: readonly ManifestFile[],
  before: DataFile | undefined,
  created: DataFile,
): ManifestFile[] {
  const sealed = before === undefined ? [] : [{ ...describe(before), isSealed: true }];
  return withEntries(listed, [...sealed, describe(created)]);
}

function withEntries(
  listed: readonly ManifestFile[],
  entries: readonly ManifestFile[],
): ManifestFile[] {
  const replaced = new Set(entries.map(({ id }) => id));
  return [...listed.filter(({ id }) => !replaced.has(id)), ...entries].sort((a, b) => a.id - b.id);
}

/** `listed` without the files of these ids. */
export function withoutFiles(
  listed: readonly ManifestFile[],
  ids: ReadonlySet<number>,
): ManifestFile[] {
  return listed.filter(({ id }) => !ids.has(id));
}

function describe({ id, durableSize, isSealed, keptTombstoneBytes }: DataFile): ManifestFile {
  return { id, durableBytes: durableSize, isSealed, keptTombstoneBytes };
}
