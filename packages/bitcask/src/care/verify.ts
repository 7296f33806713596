/** Reads everything that a store consists of and says what is not as it should be. Changes nothing. */
import type { DirectoryContext } from "../directory.js";
import type { EncryptionOptions } from "../encryption/encryption-options.js";
import { KeyRing } from "../encryption/key-ring.js";
import { toBitcaskError } from "../io-errors.js";
import { decodeManifest, MANIFEST_NAME, type ManifestFile } from "../manifest.js";
import { type BitcaskPorts, resolveOptions } from "../options.js";
import { readSmallFile } from "../small-file.js";
import type { TornTail } from "../stats.js";
import type { Damage } from "./damage.js";
import { type CareProgress, examineStore, type StoreExamination } from "./store-examination.js";

export interface VerifyOptions {
  /** The keys of an encrypted store, as for opening it. */
  readonly encryption?: EncryptionOptions | undefined;
  /** @default the real ones */
  readonly ports?: Partial<BitcaskPorts> | undefined;
  /** Called about once per megabyte read. */
  readonly onProgress?: ((progress: CareProgress) => void) | undefined;
}

export interface VerifiedFile {
  readonly file: string;
  readonly bytes: number;
  /** Sound records, deletions included. */
  readonly records: number;
  readonly deletions: number;
  readonly hint: "sound" | "missing" | "damaged";
}

export interface VerifyReport {
  /** Nothing is damaged. Torn tails and missing hints are no damage. */
  readonly ok: boolean;
  readonly storeId: string;
  readonly files: readonly VerifiedFile[];
  /** Sound records in all files. */
  readonly records: number;
  /** Sound hint files. */
  readonly hints: number;
  /** At most 10,000. */
  readonly damages: readonly Damage[];
  /** Damages beyond those. */
  readonly moreDamages: number;
  /** An end that a crash left unfinished. Never acknowledged as durable; the next open cuts it off. */
  readonly tornTail: TornTail | undefined;
}

/**
 * Reads the whole store: every checksum, batches, hints against data, the manifest against the
 * directory. Takes no lock and changes no byte. Memory is bounded, whatever the size of the store.
 *
 * Beside a live writer the report speaks of the files that made up the store at the beginning; what
 * the writer appends meanwhile is not looked at.
 * @throws BitcaskError `BITCASK_NOT_FOUND`, `BITCASK_NEWER_FORMAT`, `BITCASK_READ_FAILED`,
 *   `BITCASK_ENCRYPTION_KEY_MISSING`, …
 */
export async function verify(
  directory: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const { ports, encryption } = options;
  const { fileSystem, random } = resolveOptions({ ports, encryption });
  const context = { fileSystem, directory };
  try {
    const keys = await KeyRing.open(encryption, random);
    const examination = await examineStore(context, keys, options.onProgress);
    return toReport(examination, await stillThere(context, examination));
  } catch (error) {
    throw toBitcaskError(error, {
      action: "verify",
      file: directory,
      otherwise: "BITCASK_READ_FAILED",
    });
  }
}

export function toReport(
  { survey, files, damages }: StoreExamination,
  counted: readonly Damage[],
): VerifyReport {
  const verified = files.map(({ member, examination, hint }) => ({
    file: member.path,
    bytes: member.size,
    records: examination.records,
    deletions: examination.tombstones,
    hint,
  }));
  return {
    ok: counted.length === 0 && damages.omitted === 0,
    storeId: survey.storeId,
    files: verified,
    records: verified.reduce((sum, { records }) => sum + records, 0),
    hints: verified.filter(({ hint }) => hint === "sound").length,
    damages: counted,
    moreDamages: damages.omitted,
    tornTail: files.find(({ examination }) => examination.tornTail)?.examination.tornTail,
  };
}

/** Leaves out damages of files that a writer's rotation or merge has added or removed meanwhile. */
async function stillThere(
  { fileSystem, directory }: DirectoryContext,
  { survey, damages }: StoreExamination,
): Promise<readonly Damage[]> {
  if (damages.items.length === 0 || survey.manifest === undefined) return damages.items;
  const path = fileSystem.join(directory, MANIFEST_NAME);
  const bytes = await readSmallFile(fileSystem, path);
  if (bytes === undefined) return damages.items;
  const now = decodeManifest(bytes, path);
  if (now.generation === survey.manifest.generation) return damages.items;
  const { files, nextFileId } = survey.manifest;
  const isListed = (list: readonly ManifestFile[], id: number) =>
    list.some((file) => file.id === id);
  return damages.items.filter(({ file }) => {
    const id = Number(/(\d{10})\.(?:data|hint)$/.exec(file)?.[1] ?? 0);
    return id < nextFileId && isListed(files, id) === isListed(now.files, id);
  });
}
