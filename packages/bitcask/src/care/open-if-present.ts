import { posixCode } from "../io-errors.js";
import type { FileHandle, FileSystem } from "../ports.js";

/** Opens a file for reading; `undefined` when it is not there, or was removed this moment. */
export async function openIfPresent(
  fileSystem: FileSystem,
  path: string,
): Promise<FileHandle | undefined> {
  try {
    return await fileSystem.open(path, "read");
  } catch (error) {
    if (posixCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
