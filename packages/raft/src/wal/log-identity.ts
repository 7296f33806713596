/**
 * The file `raft-wal.id`: which log this directory holds. It is made after the first segment and
 * never changes, so a directory that has it but no segments has lost its log, which is not the same
 * as being new: a member that forgets its votes must not vote again.
 *
 *     0  8  magic "TITANRID"
 *     8  8  identity, as in the header of each segment
 *    16  4  CRC-32 of bytes 0 to 15
 */

import { checksum } from "./byte-layout.js";
import { RaftWalError } from "./errors.js";
import type { FileSystem } from "./ports.js";
import type { LogId } from "./segment-set.js";
import { createSyncedFile, readSmallFile, removeFile } from "./small-file.js";

export const IDENTITY_NAME = "raft-wal.id";
const MAGIC = Buffer.from("TITANRID", "latin1");
const BYTES = 20;

/** @throws RaftWalError `RAFT_WAL_DAMAGED` */
export async function readIdentity(
  fileSystem: FileSystem,
  directory: string,
): Promise<LogId | undefined> {
  const path = fileSystem.join(directory, IDENTITY_NAME);
  const bytes = await readSmallFile(fileSystem, path, BYTES);
  if (bytes === undefined) return undefined;
  const isIntact =
    bytes.length === BYTES &&
    bytes.subarray(0, 8).equals(MAGIC) &&
    bytes.readUInt32LE(16) === checksum(bytes, 0, 16, 0);
  if (!isIntact) {
    const message = `${path} is damaged; when the segments are whole, remove it: it is made anew`;
    throw new RaftWalError({ code: "RAFT_WAL_DAMAGED", message });
  }
  return [bytes.readUInt32LE(8), bytes.readUInt32LE(12)];
}

/** Writes the identity, durably. */
export async function writeIdentity(
  fileSystem: FileSystem,
  directory: string,
  logId: LogId,
): Promise<void> {
  const path = fileSystem.join(directory, IDENTITY_NAME);
  const bytes = Buffer.alloc(BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(logId[0], 8);
  bytes.writeUInt32LE(logId[1], 12);
  bytes.writeUInt32LE(checksum(bytes, 0, 16, 0), 16);
  await removeFile(fileSystem, `${path}.new`);
  await createSyncedFile(fileSystem, `${path}.new`, bytes);
  await fileSystem.rename(`${path}.new`, path);
  await fileSystem.syncDirectory(directory);
}
