/**
 * A copy of a running store by hard links: sealed files never change, so a second name is a copy. Only
 * the end of the file that takes writes is copied, or sealed when there is much of it.
 */
import { dataFileName, hintFileName } from "../data-file.js";
import { BitcaskError } from "../errors.js";
import type { FrozenFile, FrozenFiles } from "../frozen-files.js";
import { posixCode, toBitcaskError } from "../io-errors.js";
import type { FileSystem } from "../ports.js";
import type { Store } from "../store.js";
import { CopyTarget } from "./copy-target.js";

/** Up to so many bytes are copied; beyond, the active file is sealed and linked. */
const MAX_COPIED_BYTES = 1024 * 1024;

/** What a checkpoint consists of. */
export interface CheckpointReport {
  readonly files: number;
  /** Bytes of data files, most of them shared with the store. */
  readonly bytes: number;
  /** Bytes that were copied rather than linked. */
  readonly copiedBytes: number;
}

/** @throws BitcaskError; the target is then as it was, or marked as incomplete */
export async function makeCheckpoint(store: Store, directory: string): Promise<CheckpointReport> {
  const { fileSystem } = store.options;
  try {
    const target = await CopyTarget.begin(fileSystem, directory);
    try {
      const frozen = await store.freeze(MAX_COPIED_BYTES);
      try {
        return await fill(store, frozen, target);
      } finally {
        frozen.release();
      }
    } catch (error) {
      await target.abandon();
      throw error;
    }
  } catch (error) {
    throw toBitcaskError(error, {
      action: "make a checkpoint in",
      file: directory,
      otherwise: "BITCASK_WRITE_FAILED",
    });
  }
}

async function fill(
  store: Store,
  { files, manifest }: FrozenFiles,
  target: CopyTarget,
): Promise<CheckpointReport> {
  let copiedBytes = 0;
  for (const frozen of files) {
    const { file, bytes, isSealed } = frozen;
    if (isSealed) {
      await link(target.fileSystem, file.path, target.claim(dataFileName(file.id)));
      await linkHint(store, file.id, target);
    } else {
      await copyTail(store, frozen, target);
      copiedBytes += bytes;
    }
  }
  await target.complete(manifest);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { files: files.length, bytes, copiedBytes };
}

async function linkHint(store: Store, fileId: number, target: CopyTarget): Promise<void> {
  const { fileSystem } = store.options;
  const path = fileSystem.join(store.directory, hintFileName(fileId));
  try {
    await fileSystem.link(path, target.claim(hintFileName(fileId)));
  } catch (error) {
    // Not written yet: the copy's first open reads the data file instead.
    if (posixCode(error) !== "ENOENT") throw error;
  }
}

async function copyTail(store: Store, frozen: FrozenFile, target: CopyTarget): Promise<void> {
  const { file } = frozen;
  const bytes = Buffer.allocUnsafe(frozen.bytes);
  const source = store.files.beginRead(file);
  try {
    const count = await source.read(bytes, 0);
    if (count < bytes.length) throw new Error(`${file.path} ends before its records do`);
  } finally {
    store.files.endRead(file);
  }
  const path = target.claim(dataFileName(file.id));
  const copy = await target.fileSystem.open(path, "create-exclusive");
  try {
    await copy.write(bytes, 0);
    await copy.sync();
  } finally {
    await copy.close();
  }
}

const CANNOT_LINK = new Set(["EXDEV", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EPERM", "EMLINK"]);

async function link(fileSystem: FileSystem, from: string, to: string): Promise<void> {
  try {
    await fileSystem.link(from, to);
  } catch (error) {
    const code = posixCode(error);
    if (code === undefined || !CANNOT_LINK.has(code)) throw error;
    const why =
      code === "EXDEV" ? "it is on another file system" : `no hard link can be made (${code})`;
    throw new BitcaskError({
      code: "BITCASK_CANNOT_LINK",
      message: `cannot link ${from} as ${to}: ${why}; use backup and restore instead`,
      file: to,
      cause: error,
    });
  }
}
