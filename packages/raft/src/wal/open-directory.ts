/** Takes a directory for a log: makes it, locks it, and lets go of it when opening fails. */

import { acquireLock, type DirectoryLock } from "./directory-lock.js";
import { isRaftWalError, RaftWalError, reasonOf, toReadError } from "./errors.js";
import { toShortage } from "./health.js";
import type { FileSystem, WalPorts } from "./ports.js";

/** Runs `open` under the directory's lock, which is kept when it succeeds. */
export async function openLocked<T>(
  ports: WalPorts,
  directory: string,
  open: (lock: DirectoryLock) => Promise<T>,
): Promise<T> {
  const lock = await takeDirectory(ports, directory);
  try {
    return await open(lock);
  } catch (error) {
    // The failure matters, not that the lock of a process that goes on cannot be given back.
    await lock.release().catch(() => undefined);
    throw toShortage(error, directory) ?? toReadError(error, directory);
  }
}

async function takeDirectory(ports: WalPorts, directory: string): Promise<DirectoryLock> {
  try {
    await makeDurableDirectory(ports.fileSystem, directory);
    return await acquireLock(ports, directory);
  } catch (error) {
    if (isRaftWalError(error)) throw error;
    const shortage = toShortage(error, directory);
    if (shortage !== undefined) throw shortage;
    const message = `cannot take ${directory}: ${reasonOf(error)}`;
    throw new RaftWalError({ code: "RAFT_WAL_WRITE_FAILED", message }, { cause: error });
  }
}

/** Makes the directory with its parents, and their names durable. */
export async function makeDurableDirectory(
  fileSystem: FileSystem,
  directory: string,
): Promise<void> {
  const holders: string[] = [];
  let at = directory;
  while ((await fileSystem.stat(at)) === undefined) {
    const parent = fileSystem.join(at, "..");
    holders.push(parent);
    if (parent === at) break;
    at = parent;
  }
  await fileSystem.makeDirectory(directory);
  for (const holder of holders) await fileSystem.syncDirectory(holder);
}
