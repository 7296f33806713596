/**
 * What lies in a store's directory: creating it, finding the manifest or making the first one, telling
 * the store's own files from strangers, removing leftovers.
 */
import { DATA_HEADER_BYTES, decodeDataFileHeader, isDataFile } from "./data-file-header.js";
import { BitcaskError } from "./errors.js";
import { assertComplete } from "./incomplete-copy.js";
import { IMAGE_NAME } from "./index-image.js";
import { posixCode } from "./io-errors.js";
import { DirectoryLock } from "./lock-file.js";
import { decodeManifest, encodeManifest, MANIFEST_NAME, type Manifest } from "./manifest.js";
import type { ManifestStore } from "./manifest-store.js";
import type { FileSystem, Random } from "./ports.js";
import { createSyncedFile, readSmallFile, unlinkIfPresent } from "./small-file.js";

export interface DirectoryContext {
  readonly fileSystem: FileSystem;
  readonly directory: string;
}

export const DATA_NAME = /^(\d{10})\.data$/;
export const HINT_NAME = /^(\d{10})\.hint$/;
/** More levels than a path can have in practice. */
const MAX_ANCESTORS = 128;
/** Written aside, never renamed: worth nothing. */
export const ASIDE_NAME = /^(manifest|keydir\.image|\d{10}\.(data|hint))\.tmp$/;

/**
 * Makes sure that the directory is there.
 * @throws BitcaskError `BITCASK_NOT_FOUND`
 */
export async function createDirectory(
  fileSystem: FileSystem,
  directory: string,
  createIfMissing: boolean,
): Promise<void> {
  const stat = await fileSystem.stat(directory);
  if (stat !== undefined && stat.kind !== "directory") {
    throw Object.assign(new Error(`${directory} is not a directory`), { code: "ENOTDIR" });
  }
  if (stat !== undefined) return;
  if (!createIfMissing) throw notFound(directory);
  await fileSystem.makeDirectory(directory);
}

/**
 * Makes the names of a new store's directory, and of all above it, durable. Which of them are new is
 * not known: an opening that failed half-way may have made them.
 */
export async function syncAncestors({ fileSystem, directory }: DirectoryContext): Promise<void> {
  let here = directory;
  let inode = (await fileSystem.stat(here))?.inode;
  for (let level = 0; level < MAX_ANCESTORS; level++) {
    const above = fileSystem.join(here, "..");
    const stat = await fileSystem.stat(above);
    if (stat === undefined || stat.inode === inode) return;
    try {
      await fileSystem.syncDirectory(above);
    } catch (error) {
      // Those who may not read a directory did not make the one below it.
      if (posixCode(error) !== "EACCES" && posixCode(error) !== "EPERM") throw error;
    }
    here = above;
    inode = stat.inode;
  }
}

/**
 * Reads the manifest; in a directory without a store, makes the first one.
 * @throws BitcaskError `BITCASK_CORRUPT`, `BITCASK_NEWER_FORMAT`, `BITCASK_NOT_FOUND`
 */
export async function prepareDirectory(
  { fileSystem, directory }: DirectoryContext,
  lock: DirectoryLock,
  options: { readonly random: Random; readonly createIfMissing: boolean },
): Promise<{ manifest: Manifest; names: readonly string[] }> {
  const names = await fileSystem.list(directory);
  assertComplete(directory, names);
  await lock.removeLeftovers(names);
  const path = fileSystem.join(directory, MANIFEST_NAME);
  const bytes = await readSmallFile(fileSystem, path);
  if (bytes !== undefined) return { manifest: decodeManifest(bytes, path), names };
  const orphan = names.find((name) => DATA_NAME.test(name));
  if (orphan !== undefined) {
    throw new BitcaskError({
      code: "BITCASK_CORRUPT",
      message:
        `${path} is missing although there are data files (${orphan}); it lists the files of the ` +
        "store. Restore it from a copy of the same store",
      file: path,
    });
  }
  if (!options.createIfMissing) throw notFound(directory);
  await syncAncestors({ fileSystem, directory });
  const manifest: Manifest = {
    storeId: newStoreId(options.random),
    generation: 0,
    nextFileId: 1,
    nextSequence: 1,
    timeFloorMs: 0,
    files: [],
    obsoleteFileIds: [],
  };
  const aside = `${path}.tmp`;
  await unlinkIfPresent(fileSystem, aside);
  await createSyncedFile(fileSystem, aside, encodeManifest(manifest));
  await fileSystem.rename(aside, path);
  await fileSystem.syncDirectory(directory);
  return { manifest, names };
}

/** What lies in the directory beside the store's own files. */
export interface StrayFiles {
  /** The store's files that no longer count. */
  readonly removed: readonly string[];
  readonly foreign: readonly string[];
  /** Highest id among names of data files: no new file may take a taken name. */
  readonly highestId: number;
}

/**
 * Tells the store's files from leftovers and strangers. Changes nothing.
 * @throws BitcaskError `BITCASK_CORRUPT` for a data file with records that the manifest should know
 */
export async function findLeftovers(
  context: DirectoryContext,
  manifest: Manifest,
  names: readonly string[],
): Promise<StrayFiles> {
  const listed = new Set(manifest.files.map(({ id }) => id));
  const removed: string[] = [];
  const foreign: string[] = [];
  let highestId = 0;
  for (const name of [...names].sort()) {
    const verdict = await judge(context, manifest, listed, name);
    if (verdict === "foreign") foreign.push(name);
    if (verdict === "leftover") removed.push(name);
    highestId = Math.max(highestId, Number(DATA_NAME.exec(name)?.[1] ?? 0));
  }
  return { removed, foreign, highestId };
}

/** Removes leftovers. The manifest must be durable, and must call the replaced files obsolete. */
export async function removeLeftovers(
  { fileSystem, directory }: DirectoryContext,
  manifest: ManifestStore,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    await unlinkIfPresent(fileSystem, fileSystem.join(directory, name));
    const data = DATA_NAME.exec(name);
    if (data !== null) manifest.noteUnlinked(Number(data[1]));
  }
}

async function judge(
  context: DirectoryContext,
  manifest: Manifest,
  listed: ReadonlySet<number>,
  name: string,
): Promise<"ours" | "leftover" | "foreign"> {
  if (name === MANIFEST_NAME || name === IMAGE_NAME || DirectoryLock.owns(name)) return "ours";
  if (ASIDE_NAME.test(name)) return "leftover";
  const hint = HINT_NAME.exec(name);
  if (hint !== null) return listed.has(Number(hint[1])) ? "ours" : "leftover";
  const data = DATA_NAME.exec(name);
  if (data === null) return "foreign";
  const id = Number(data[1]);
  if (listed.has(id)) return "ours";
  return (await isLeftoverData(context, manifest, id, name)) ? "leftover" : "foreign";
}

/**
 * An unlisted data file is a leftover when a merge replaced it, or when a rotation or a merge wrote it
 * without getting to the manifest. A rotation's has no records, a merge's is marked in its header.
 */
async function isLeftoverData(
  { fileSystem, directory }: DirectoryContext,
  manifest: Manifest,
  id: number,
  name: string,
): Promise<boolean> {
  if (manifest.obsoleteFileIds.includes(id)) return true;
  const path = fileSystem.join(directory, name);
  const size = (await fileSystem.stat(path))?.size ?? 0;
  if (size <= DATA_HEADER_BYTES) return true;
  const handle = await fileSystem.open(path, "read");
  try {
    const bytes = Buffer.alloc(DATA_HEADER_BYTES);
    await handle.read(bytes, 0);
    if (!isDataFile(bytes)) return false;
    const header = decodeDataFileHeader(bytes, path);
    if (header.storeId !== manifest.storeId) return false;
    if (header.isMerged) return true;
  } finally {
    await handle.close();
  }
  throw new BitcaskError({
    code: "BITCASK_CORRUPT",
    message:
      `${path} belongs to the store and holds records, but the manifest does not list it: the ` +
      "manifest is older than the data. Restore both from the same copy, or move the file away",
    file: path,
  });
}

function newStoreId(random: Random): string {
  let id = "";
  while (id.length < 32)
    id += random
      .nextInt(2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return id;
}

function notFound(directory: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_NOT_FOUND",
    message: `there is no store in ${directory} and createIfMissing is off`,
    file: directory,
  });
}
