/** Directories as a whole: durable, measured. */
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Fsyncs every file: what a store without a call for it needs before its bytes are on disk. The files
 * that it removes meanwhile don't matter.
 */
export async function syncDirectory(directory: string): Promise<void> {
  for (const path of await filesOf(directory)) {
    const file = await open(path, "r").catch(() => undefined);
    await file?.sync();
    await file?.close();
  }
}

/** Bytes allocated on disk, not the lengths of files, which may have holes. */
export async function allocatedBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const path of await filesOf(directory)) bytes += (await stat(path)).blocks * 512;
  return bytes;
}
