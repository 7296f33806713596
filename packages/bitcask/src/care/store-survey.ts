/**
 * Tells what lies in a directory: the data files of one store by what their headers say, whatever their
 * names, and what else there is. Reads headers only; changes nothing.
 */
import {
  DATA_HEADER_BYTES,
  type DataFileHeader,
  decodeDataFileHeader,
  isDataFile,
} from "../data-file-header.js";
import { DATA_NAME, type DirectoryContext } from "../directory.js";
import { BitcaskError, isBitcaskError } from "../errors.js";
import { assertComplete } from "../incomplete-copy.js";
import { decodeManifest, MANIFEST_NAME, type Manifest, type ManifestFile } from "../manifest.js";
import { readSmallFile } from "../small-file.js";
import { openIfPresent } from "./open-if-present.js";

/** A data file that belongs to the store. */
export interface MemberFile {
  readonly id: number;
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** `undefined`: damaged. */
  readonly header: DataFileHeader | undefined;
  /** `undefined`: the manifest does not list it, or cannot be read. */
  readonly listed: ManifestFile | undefined;
}

export interface StoreSurvey {
  readonly storeId: string;
  readonly manifest: Manifest | undefined;
  /** In words, why there is no manifest. */
  readonly manifestFault: string | undefined;
  readonly names: readonly string[];
  /** By ascending id. */
  readonly members: readonly MemberFile[];
  /** Listed by the manifest, and nowhere to be found. */
  readonly missing: readonly ManifestFile[];
  /** Names in the place of a listed file that hold something else. */
  readonly intruders: readonly string[];
}

interface SeenFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** As in the name; `undefined` under a name that is not that of a data file. */
  readonly nameId: number | undefined;
  readonly header: DataFileHeader | undefined;
}

/** @throws BitcaskError `BITCASK_NOT_FOUND`, `BITCASK_NEWER_FORMAT` */
export async function surveyStore(context: DirectoryContext): Promise<StoreSurvey> {
  const { fileSystem, directory } = context;
  const stat = await fileSystem.stat(directory);
  if (stat === undefined) throw notFound(directory);
  const names = [...(await fileSystem.list(directory))].sort();
  assertComplete(directory, names);
  const { manifest, fault: manifestFault } = await readManifest(context);
  const seen: SeenFile[] = [];
  for (const name of names) {
    const file = await look(context, name);
    if (file !== undefined) seen.push(file);
  }
  const storeId = manifest?.storeId ?? mostCommonStore(seen);
  if (storeId === undefined) throw notFound(directory);
  const { members, missing, intruders } = assign(seen, storeId, manifest);
  return { storeId, manifest, manifestFault, names, members, missing, intruders };
}

async function readManifest(
  context: DirectoryContext,
): Promise<{ manifest?: Manifest; fault?: string }> {
  const path = context.fileSystem.join(context.directory, MANIFEST_NAME);
  const bytes = await readSmallFile(context.fileSystem, path);
  if (bytes === undefined) return { fault: "it is missing" };
  try {
    return { manifest: decodeManifest(bytes, path) };
  } catch (error) {
    if (isBitcaskError(error) && error.code === "BITCASK_CORRUPT") return { fault: error.message };
    throw error;
  }
}

/** @returns `undefined` for what is no data file, or has gone meanwhile */
async function look(context: DirectoryContext, name: string): Promise<SeenFile | undefined> {
  const { fileSystem, directory } = context;
  const path = fileSystem.join(directory, name);
  const nameId = idOf(name);
  const stat = await fileSystem.stat(path);
  if (stat?.kind !== "file") return undefined;
  const handle = await openIfPresent(fileSystem, path);
  if (handle === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(Math.min(DATA_HEADER_BYTES, stat.size));
    await handle.read(bytes, 0);
    if (nameId === undefined && !isDataFile(bytes)) return undefined;
    return { name, path, nameId, size: stat.size, header: decodeHeader(bytes, path) };
  } finally {
    await handle.close();
  }
}

function decodeHeader(bytes: Buffer, path: string): DataFileHeader | undefined {
  try {
    return decodeDataFileHeader(bytes, path);
  } catch (error) {
    if (isBitcaskError(error) && error.code === "BITCASK_CORRUPT") return undefined;
    throw error;
  }
}

function idOf(name: string): number | undefined {
  const match = DATA_NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

function mostCommonStore(seen: readonly SeenFile[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { header } of seen) {
    if (header !== undefined) counts.set(header.storeId, (counts.get(header.storeId) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** Finds for each file of the store the one that holds it. */
function assign(
  seen: readonly SeenFile[],
  storeId: string,
  manifest: Manifest | undefined,
): Pick<StoreSurvey, "members" | "missing" | "intruders"> {
  const listed = new Map(manifest?.files.map((file) => [file.id, file]));
  const isObsolete = (id: number) => manifest?.obsoleteFileIds.includes(id) === true;
  const found = new Map<number, SeenFile>();
  // Well-named files first: a copy under another name does not count beside the original.
  const isWellNamed = ({ nameId, header }: SeenFile) => nameId === (header?.fileId ?? nameId);
  const inOrder = [...seen].sort((a, b) => Number(isWellNamed(b)) - Number(isWellNamed(a)));
  for (const file of inOrder) {
    const { header, nameId } = file;
    if (header !== undefined && header.storeId !== storeId) continue;
    const id = header?.fileId ?? nameId;
    if (id === undefined || found.has(id) || isObsolete(id)) continue;
    const isExpected = manifest === undefined || listed.has(id) || isNews(file, manifest);
    if (isExpected) found.set(id, file);
  }
  const members = [...found].map(([id, file]) => ({ ...file, id, listed: listed.get(id) }));
  const isMember = (name: string) => members.some((member) => member.name === name);
  return {
    members: members.sort((a, b) => a.id - b.id),
    missing: [...listed.values()].filter(({ id }) => !found.has(id)),
    intruders: seen
      .filter(({ nameId, name }) => nameId !== undefined && listed.has(nameId) && !isMember(name))
      .map(({ name }) => name),
  };
}

/** Records in a file that came after the manifest and that no merge wrote: the manifest is too old. */
function isNews({ header, size, nameId }: SeenFile, manifest: Manifest): boolean {
  if (header === undefined || header.isMerged || size <= DATA_HEADER_BYTES) return false;
  return nameId !== undefined && header.fileId >= manifest.nextFileId;
}

function notFound(directory: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_NOT_FOUND",
    message: `there is no store in ${directory}`,
    file: directory,
  });
}
