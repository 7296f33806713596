/** Small files: read whole, made whole. */

import { posixCode } from "./errors.js";
import type { FileSystem } from "./ports.js";

/** The bytes of the file, at most `maxBytes`; `undefined` when it is not there. */
export async function readSmallFile(
  fileSystem: FileSystem,
  path: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  if ((await fileSystem.stat(path)) === undefined) return undefined;
  const handle = await fileSystem.open(path, "read");
  try {
    const bytes = Buffer.alloc(Math.min(maxBytes, await handle.size()));
    return bytes.subarray(0, await handle.read(bytes, 0));
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
export async function removeFile(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.unlink(path);
  } catch (error) {
    if (posixCode(error) !== "ENOENT") throw error;
  }
}
