/** Whole small files: read at once, replaced atomically. */
import type { FileSystem } from "./ports.js";

/** The bytes of the file, or `undefined` when it is not there. */
export async function readSmallFile(
  fileSystem: FileSystem,
  path: string,
): Promise<Buffer | undefined> {
  const stat = await fileSystem.stat(path);
  if (stat === undefined) return undefined;
  const handle = await fileSystem.open(path, "read");
  try {
    const bytes = Buffer.alloc(await handle.size());
    const count = await handle.read(bytes, 0);
    return bytes.subarray(0, count);
  } finally {
    await handle.close();
  }
}

/** Creates `path` with `bytes`, synced; its name is durable after a sync of the directory. */
export async function createSyncedFile(
  fileSystem: FileSystem,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const handle = await fileSystem.open(path, "create-exclusive");
  try {
    await handle.write(bytes, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes the name if it is there. */
export async function unlinkIfPresent(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.unlink(path);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
  }
}
