/**
 * Makes a consistent store of everything that is intact.
 *
 * Sound files stay as they are. Of a damaged one, the sound records and whole batches go to a new file;
 * deletions stay deletions. Which record of a key is the newest is decided by sequence numbers, as on
 * every opening. The order of steps lets a crash at any point leave the store as before or as after:
 * new files are synced, everything replaced gets a second name in `damaged-<n>`, the manifest is
 * replaced, and only then the first names go.
 */
import { hintFileName } from "../data-file.js";
import type { DirectoryContext } from "../directory.js";
import type { EncryptionOptions } from "../encryption/encryption-options.js";
import { KeyRing } from "../encryption/key-ring.js";
import { Health } from "../health.js";
import { IMAGE_NAME } from "../index-image.js";
import { toBitcaskError } from "../io-errors.js";
import { DirectoryLock } from "../lock-file.js";
import { MANIFEST_NAME, type Manifest, type ManifestFile } from "../manifest.js";
import { ManifestStore } from "../manifest-store.js";
import { type BitcaskPorts, type ResolvedOptions, resolveOptions } from "../options.js";
import { Quarantine } from "./quarantine.js";
import { type SalvagedFile, salvageFile } from "./salvage.js";
import { type CareProgress, examineStore, type StoreExamination } from "./store-examination.js";
import { surveyStore } from "./store-survey.js";
import { toReport, type VerifyReport } from "./verify.js";

export interface RepairOptions {
  /** The keys of an encrypted store, as for opening it. */
  readonly encryption?: EncryptionOptions | undefined;
  /** @default the real ones */
  readonly ports?: Partial<BitcaskPorts> | undefined;
  /** Called about once per megabyte examined. */
  readonly onProgress?: ((progress: CareProgress) => void) | undefined;
}

export interface RepairReport {
  /** False: nothing was damaged, and nothing was done. */
  readonly isChanged: boolean;
  /** What was found before. Its `damages` say what is lost. */
  readonly found: VerifyReport;
  /** Records copied out of damaged files. */
  readonly recordsSalvaged: number;
  /** Where the files are that were replaced, as they were; `undefined` when there are none. */
  readonly asideDirectory: string | undefined;
  readonly movedAside: readonly string[];
  /** What cannot be known, in words. */
  readonly warnings: readonly string[];
}

/**
 * Repairs the store in `directory`, which no process may have open. Deletes nothing: what it replaces
 * is moved to a folder `damaged-<n>` in the directory. A key whose newest record is lost has its next
 * older one again, if there is one; the report names such keys where they are known.
 *
 * Without a manifest all data files count, those too that a merge had replaced and not yet removed: a
 * deleted key may then come back. The report warns of it.
 * @throws BitcaskError `BITCASK_NOT_FOUND`, `BITCASK_LOCKED`, `BITCASK_NEWER_FORMAT` (nothing is
 *   salvaged from a store that is not fully understood), `BITCASK_DISK_FULL`, `BITCASK_READ_FAILED`, …
 */
export async function repair(
  directory: string,
  options: RepairOptions = {},
): Promise<RepairReport> {
  const { ports, encryption } = options;
  const resolved = resolveOptions({ ports, encryption });
  const context = { fileSystem: resolved.fileSystem, directory };
  try {
    // Before the lock: a directory without a store is to be left as it is.
    await surveyStore(context);
    const keys = await KeyRing.open(encryption, resolved.random);
    const lock = await DirectoryLock.acquire(resolved, directory);
    try {
      const examination = await examineStore(context, keys, options.onProgress);
      return await mend(context, resolved, examination, keys);
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw toBitcaskError(error, {
      action: "repair the store in",
      file: directory,
      otherwise: "BITCASK_READ_FAILED",
    });
  }
}

async function mend(
  context: DirectoryContext,
  options: ResolvedOptions,
  examination: StoreExamination,
  keys: KeyRing,
): Promise<RepairReport> {
  const { survey, damages } = examination;
  const found = toReport(examination, damages.items);
  const warnings = warningsOf(examination);
  if (found.ok) {
    const untouched = { isChanged: false, found, recordsSalvaged: 0, movedAside: [] };
    return { ...untouched, asideDirectory: undefined, warnings };
  }
  const { fileSystem, directory } = context;
  const salvaged: SalvagedFile[] = [];
  let quarantine: Quarantine | undefined;
  const health = new Health();
  try {
    let fileId = lowestFreeId(examination);
    for (const examined of examination.files.filter((file) => file.mustBeSalvaged)) {
      const id = fileId++;
      const { storeId } = survey;
      const salt = options.random.nextInt(2 ** 32);
      const cipher = keys.cipherOfNew({ fileId: id, salt, storeId });
      const createdAtMs = Math.floor(options.clock.wallMs());
      const identity = { id, salt, storeId, createdAtMs, cipher };
      salvaged.push(await salvageFile(fileSystem, directory, examined, identity));
    }
    quarantine = await Quarantine.create(fileSystem, directory);
    await quarantine.keep(replacedNames(examination));
    const next = nextManifest(examination, salvaged, fileId);
    const base = survey.manifest ?? { ...next, generation: 0 };
    await new ManifestStore(fileSystem, directory, health, base).replace(() => next);
  } catch (error) {
    // Once the manifest may have been replaced, both old and new files are needed.
    if (!health.isPoisoned) {
      for (const file of salvaged) await file.abandon();
      await quarantine?.abandon();
    }
    throw error;
  }
  await quarantine.removeOriginals();
  return {
    isChanged: true,
    found,
    recordsSalvaged: salvaged.reduce((sum, { recordsKept }) => sum + recordsKept, 0),
    asideDirectory: quarantine.directory,
    movedAside: quarantine.paths,
    warnings,
  };
}

function warningsOf({ survey, damages }: StoreExamination): string[] {
  const warnings: string[] = [];
  if (survey.manifest === undefined) {
    warnings.push("the manifest was lost: a key whose deletion had been merged away may be back");
  }
  const hidesUnknown = damages.items.some(
    ({ kind, bytes, lost }) =>
      (kind === "data" || kind === "name") && bytes > 0 && lost.length === 0,
  );
  if (hidesUnknown) {
    warnings.push("not all lost records are known: keys that they deleted or replaced may be back");
  }
  return warnings;
}

/** An id that no file has or had, whatever its name says. */
function lowestFreeId({ survey }: StoreExamination): number {
  const named = survey.names.map((name) => Number(/^(\d{10})\./.exec(name)?.[1] ?? 0));
  const ids = survey.members.map(({ id }) => id);
  return Math.max(survey.manifest?.nextFileId ?? 1, ...[...named, ...ids].map((id) => id + 1));
}

/** Names that do not stay in the store. */
function replacedNames({ survey, files, damages }: StoreExamination): string[] {
  const names = new Set<string>(survey.intruders);
  for (const { member, mustBeSalvaged, hint } of files) {
    if (mustBeSalvaged) names.add(member.name);
    if (mustBeSalvaged || hint === "damaged") names.add(hintFileName(member.id));
  }
  const kept = new Set(
    files.filter((file) => !file.mustBeSalvaged).map(({ member }) => member.path),
  );
  for (const name of survey.names) {
    const isRefused = damages.items.some(
      ({ kind, file }) => kind === "name" && file.endsWith(name) && !kept.has(file),
    );
    if (isRefused) names.add(name);
  }
  if (survey.manifest === undefined) names.add(MANIFEST_NAME);
  // It speaks of files as they were.
  if (survey.names.includes(IMAGE_NAME)) names.add(IMAGE_NAME);
  return [...names];
}

function nextManifest(
  examination: StoreExamination,
  salvaged: readonly SalvagedFile[],
  nextFileId: number,
): Manifest {
  const { survey, files } = examination;
  const { manifest, storeId } = survey;
  const kept = files.filter(({ mustBeSalvaged }) => !mustBeSalvaged);
  const created = salvaged.flatMap(({ created }) => (created === undefined ? [] : [created]));
  const listed: ManifestFile[] = [
    ...kept.map(({ member }) => member.listed ?? sealedAsIs(member)),
    ...created.map(({ id, size, keptTombstoneBytes }) => {
      return { id, durableBytes: size, isSealed: true, keptTombstoneBytes };
    }),
  ];
  const highest = Math.max(0, ...files.map(({ examination }) => examination.highestSequence));
  const floor = Math.max(0, ...files.map(({ examination }) => examination.timeFloorMs));
  const replaced = replacedNames(examination).map((name) =>
    Number(/^(\d{10})\.data$/.exec(name)?.[1] ?? 0),
  );
  return {
    storeId,
    generation: manifest?.generation ?? 0,
    nextFileId,
    nextSequence: Math.max(manifest?.nextSequence ?? 1, highest + 1),
    timeFloorMs: Math.max(manifest?.timeFloorMs ?? 0, floor),
    files: listed.sort((a, b) => a.id - b.id),
    obsoleteFileIds: [
      ...new Set([...(manifest?.obsoleteFileIds ?? []), ...replaced.filter((id) => id > 0)]),
    ],
  };
}

function sealedAsIs({ id, size }: { readonly id: number; readonly size: number }): ManifestFile {
  return { id, durableBytes: size, isSealed: true, keptTombstoneBytes: 0 };
}
