/** The data files as the manifest lists them. */
import type { DataFile } from "./data-file.js";
import type { ManifestFile } from "./manifest.js";

export function describeFiles(files: readonly DataFile[]): ManifestFile[] {
  return files.map(({ id, durableSize, isSealed, keptTombstoneBytes }) => ({
    id,
    durableBytes: durableSize,
    isSealed,
    keptTombstoneBytes,
  }));
}
