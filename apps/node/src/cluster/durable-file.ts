/** Small files that are replaced as a whole: after a crash there is the old one or the new one. */
import type { FileSystem } from "@titan/bitcask";

const TEMPORARY_SUFFIX = ".new";

/** @returns undefined when there is none. @throws what the file system throws */
export async function readFileIfAny(
  fileSystem: FileSystem,
  path: string,
): Promise<Uint8Array | undefined> {
  if ((await fileSystem.stat(path)) === undefined) return undefined;
  const file = await fileSystem.open(path, "read");
  try {
    const bytes = new Uint8Array(await file.size());
    const length = await file.read(bytes, 0);
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Resolves once the file is durable. @throws what the file system throws */
export async function replaceFile(
  fileSystem: FileSystem,
  directory: string,
  name: string,
  content: Uint8Array,
): Promise<void> {
  const temporary = fileSystem.join(directory, name + TEMPORARY_SUFFIX);
  if ((await fileSystem.stat(temporary)) !== undefined) await fileSystem.unlink(temporary);
  const file = await fileSystem.open(temporary, "create-exclusive");
  try {
    await file.write(content, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, fileSystem.join(directory, name));
  await fileSystem.syncDirectory(directory);
}

/** Removes a directory and all in it; nothing happens when it is not there. */
export async function removeTree(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.stat(path)) === undefined) return;
  for (const name of await fileSystem.list(path)) {
    const entry = fileSystem.join(path, name);
    if ((await fileSystem.stat(entry))?.kind === "directory") await removeTree(fileSystem, entry);
    else await fileSystem.unlink(entry);
  }
  await fileSystem.removeDirectory(path);
}
