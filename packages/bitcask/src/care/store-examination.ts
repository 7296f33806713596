/** Examines every file of a store, for verification and for repair. Changes nothing. */
import { dataFileName, hintFileName } from "../data-file.js";
import { DATA_HEADER_BYTES } from "../data-file-header.js";
import { type DirectoryContext, findLeftovers } from "../directory.js";
import type { FileCipher } from "../encryption/file-cipher.js";
import type { KeyRing } from "../encryption/key-ring.js";
import { isBitcaskError } from "../errors.js";
import { posixCode } from "../io-errors.js";
import { MANIFEST_NAME } from "../manifest.js";
import { DamageList } from "./damage.js";
import { FileExamination } from "./file-examination.js";
import { type FileSecrets, secretsOf } from "./file-secrets.js";
import { COVERS_MORE, HintCursor } from "./hint-cursor.js";
import { openIfPresent } from "./open-if-present.js";
import type { ByteRange } from "./record-walk.js";
import { type MemberFile, type StoreSurvey, surveyStore } from "./store-survey.js";

/** How far an examination is. All bytes; a file with damage may be read in part twice. */
export interface CareProgress {
  readonly file: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface ExaminedFile {
  readonly member: MemberFile;
  readonly examination: FileExamination;
  /** `undefined`: the header is damaged and no salt could be proved; nothing in the file can be read. */
  readonly salt: number | undefined;
  /** `undefined`: the file is not encrypted, or nothing in it can be read. */
  readonly cipher: FileCipher | undefined;
  readonly range: ByteRange;
  readonly hint: "sound" | "missing" | "damaged";
  /** The file cannot stay in the store as it is and where it is. */
  readonly mustBeSalvaged: boolean;
}

export interface StoreExamination {
  readonly survey: StoreSurvey;
  readonly damages: DamageList;
  readonly files: readonly ExaminedFile[];
}

/** @throws BitcaskError `BITCASK_NOT_FOUND`, `BITCASK_NEWER_FORMAT`, `BITCASK_READ_FAILED`, … */
export async function examineStore(
  context: DirectoryContext,
  keys: KeyRing,
  onProgress?: (progress: CareProgress) => void,
): Promise<StoreExamination> {
  const survey = await surveyStore(context);
  // Also the keys that a file with a damaged header may need.
  for (const { header, path } of survey.members) {
    if (header !== undefined) await keys.cipherOf(header, path);
  }
  const damages = new DamageList();
  await reportNames(context, survey, damages);
  const totalBytes = survey.members.reduce((sum, { size }) => sum + size, 0);
  const files: ExaminedFile[] = [];
  let doneBytes = 0;
  for (const member of survey.members) {
    const before = doneBytes;
    const progress = (position: number): void =>
      onProgress?.({ file: member.path, doneBytes: before + position, totalBytes });
    const examined = await examineFile(context, survey, member, { damages, progress, keys });
    if (examined !== undefined) files.push(examined);
    doneBytes += member.size;
    progress(member.size);
  }
  return { survey, damages, files };
}

async function reportNames(
  context: DirectoryContext,
  survey: StoreSurvey,
  damages: DamageList,
): Promise<void> {
  const { manifest, manifestFault, missing, intruders, members } = survey;
  const pathOf = (name: string) => context.fileSystem.join(context.directory, name);
  const add = (file: string, bytes: number, what: string) =>
    damages.add({ kind: "name", file, offset: 0, bytes, what });
  if (manifest === undefined) {
    const what = manifestFault ?? "unreadable";
    damages.add({ kind: "manifest", file: pathOf(MANIFEST_NAME), offset: 0, bytes: 0, what });
  }
  for (const { id, durableBytes } of missing) {
    const path = pathOf(dataFileName(id));
    add(path, durableBytes, "it is missing, with all its records");
  }
  for (const name of intruders) add(pathOf(name), 0, "another file lies under its name");
  for (const { id, path, name, listed, size } of members) {
    if (name !== dataFileName(id)) {
      add(path, size, `it is data file ${id} under another name`);
    } else if (listed === undefined && manifest !== undefined) {
      add(path, size, "the manifest does not list it: the manifest is older than the data");
    }
  }
  if (manifest !== undefined) await reportUnlisted(context, survey, damages);
}

/** What opening the store would refuse, but belongs to no member. */
async function reportUnlisted(
  context: DirectoryContext,
  { manifest, names, members }: StoreSurvey,
  damages: DamageList,
): Promise<void> {
  const known = new Set(members.map(({ name }) => name));
  for (const name of names) {
    if (known.has(name) || manifest === undefined) continue;
    try {
      await findLeftovers(context, manifest, [name]);
    } catch (error) {
      if (posixCode(error) === "ENOENT") continue;
      if (!isBitcaskError(error) || error.code !== "BITCASK_CORRUPT") throw error;
      const file = context.fileSystem.join(context.directory, name);
      damages.add({ kind: "name", file, offset: 0, bytes: 0, what: error.message });
    }
  }
}

/** @returns `undefined` for a file that a merge removed meanwhile */
async function examineFile(
  context: DirectoryContext,
  survey: StoreSurvey,
  member: MemberFile,
  report: {
    readonly damages: DamageList;
    readonly progress: (position: number) => void;
    readonly keys: KeyRing;
  },
): Promise<ExaminedFile | undefined> {
  const { fileSystem, directory } = context;
  const { damages, progress, keys } = report;
  const handle = await openIfPresent(fileSystem, member.path);
  if (handle === undefined) return undefined;
  const hintPath = fileSystem.join(directory, hintFileName(member.id));
  const { storeId } = survey;
  let hint: HintCursor | string | undefined;
  try {
    const secrets = await secretsOf(context, handle, member, storeId, keys);
    const { salt, cipher } = secrets;
    const about = { fileId: member.id, storeId, salt, cipher };
    hint = await HintCursor.open(fileSystem, hintPath, about, member.size);
    // The hint of a file that takes writes is of its last close. A writer that goes on beside us may
    // have written a newer one, of a file that is longer by now.
    if (hint === COVERS_MORE && member.listed?.isSealed === false) hint = undefined;
    const cursor = typeof hint === "object" ? hint : undefined;
    const before = damages.count;
    const range = rangeOf(member, damages);
    reportHeader(member, secrets, damages);
    const examination = new FileExamination(
      {
        path: member.path,
        handle,
        range,
        salt: salt ?? 0,
        cipher,
        durableBytes: member.listed?.durableBytes ?? range.to,
        isSealed: member.listed?.isSealed ?? true,
        reserveFrom: reserveOf(member.listed),
      },
      damages,
      cursor,
    );
    if (salt !== undefined) await examination.run(async (position) => progress(position));
    const { tornTail, hasReserve } = examination;
    const isTornStranger = (tornTail !== undefined || hasReserve) && member.listed === undefined;
    const isMisnamed = member.name !== dataFileName(member.id);
    const mustBeSalvaged = damages.count > before || isTornStranger || isMisnamed;
    const hintFault = typeof hint === "string" ? hint : examination.hintFault;
    if (hintFault !== undefined) {
      damages.add({ kind: "hint", file: hintPath, offset: 0, bytes: 0, what: hintFault });
    }
    const hintState =
      hint === undefined ? "missing" : hintFault === undefined ? "sound" : "damaged";
    return { member, examination, salt, cipher, range, hint: hintState, mustBeSalvaged };
  } finally {
    if (typeof hint === "object") await hint.close();
    await handle.close();
  }
}

/** Of a file that no manifest lists, nobody knows whether it took writes. */
function reserveOf(listed: MemberFile["listed"]): number | undefined {
  if (listed === undefined) return DATA_HEADER_BYTES;
  return listed.isSealed ? undefined : listed.durableBytes;
}

/** Where records may lie; a size that cannot be is damage. */
function rangeOf({ path, size, listed }: MemberFile, damages: DamageList): ByteRange {
  const from = DATA_HEADER_BYTES;
  if (listed === undefined) return { from, to: Math.max(from, size) };
  const { durableBytes, isSealed } = listed;
  if (size < durableBytes) {
    const bytes = durableBytes - size;
    const what = `it was cut: ${durableBytes} bytes had been stored for good`;
    damages.add({ kind: "data", file: path, offset: size, bytes, what });
  }
  if (!isSealed || size <= durableBytes) return { from, to: Math.max(from, size) };
  const bytes = size - durableBytes;
  const what = "it was longer than this when it was sealed";
  damages.add({ kind: "data", file: path, offset: durableBytes, bytes, what });
  return { from, to: durableBytes };
}

/** A damaged header is damage, also when all that it said can be found. */
function reportHeader(
  { header, path, size }: MemberFile,
  { salt }: FileSecrets,
  damages: DamageList,
): void {
  if (header !== undefined) return;
  const bytes = Math.min(size, DATA_HEADER_BYTES);
  const what = "its header is damaged";
  damages.add({ kind: "data", file: path, offset: 0, bytes, what });
  if (salt !== undefined || size <= DATA_HEADER_BYTES) return;
  damages.add({
    kind: "data",
    file: path,
    offset: DATA_HEADER_BYTES,
    bytes: size - DATA_HEADER_BYTES,
    what: "without its header its records cannot be told from noise",
  });
}
