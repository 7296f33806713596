/**
 * Opens a store for reading only: no lock, no byte changed, also beside a process that writes.
 *
 * What is seen is the store as it was at one moment of the opening, and stays so. All data files are
 * kept open: a file that the writer's merge removes lives on until the last descriptor is closed.
 */
import { ActiveLog } from "./active-log.js";
import { KeyRing } from "./encryption/key-ring.js";
import { BitcaskError } from "./errors.js";
import { FileSet } from "./file-set.js";
import { Health } from "./health.js";
import { ImageKeeper } from "./image-keeper.js";
import { assertComplete } from "./incomplete-copy.js";
import { toBitcaskError } from "./io-errors.js";
import { Keydir } from "./keydir/keydir.js";
import { decodeManifest, MANIFEST_NAME, type Manifest } from "./manifest.js";
import { ManifestStore } from "./manifest-store.js";
import type { ResolvedOptions } from "./options.js";
import { recoverFiles } from "./recovery.js";
import { readSmallFile } from "./small-file.js";
import { Store } from "./store.js";
import { StoreTime } from "./store-time.js";

/** Openings that a writer's merge may spoil in a row; each takes a merge of its own. */
const MAX_ATTEMPTS = 32;

/** @throws BitcaskError as on opening for writing, but for `BITCASK_LOCKED` */
export async function openReadOnlyStore(
  directory: string,
  options: ResolvedOptions,
): Promise<Store> {
  try {
    let manifest = await readManifest(directory, options);
    for (let attempt = 1; ; attempt += 1) {
      const files = new FileSet(options.fileSystem, Number.POSITIVE_INFINITY);
      try {
        return await load(directory, options, manifest, files);
      } catch (error) {
        await files.closeAll();
        // A merge may have removed what the manifest named when it was read.
        const current = await readManifest(directory, options);
        if (current.generation === manifest.generation || attempt === MAX_ATTEMPTS) throw error;
        manifest = current;
      }
    }
  } catch (error) {
    throw toBitcaskError(error, {
      action: "open the store in",
      file: directory,
      otherwise: "BITCASK_READ_FAILED",
    });
  }
}

async function readManifest(
  directory: string,
  { fileSystem }: Pick<ResolvedOptions, "fileSystem">,
): Promise<Manifest> {
  const path = fileSystem.join(directory, MANIFEST_NAME);
  const exists = (await fileSystem.stat(directory)) !== undefined;
  if (exists) assertComplete(directory, await fileSystem.list(directory));
  const bytes = exists ? await readSmallFile(fileSystem, path) : undefined;
  if (bytes !== undefined) return decodeManifest(bytes, path);
  throw new BitcaskError({
    code: "BITCASK_NOT_FOUND",
    message: `there is no store in ${directory}`,
    file: directory,
  });
}

async function load(
  directory: string,
  options: ResolvedOptions,
  found: Manifest,
  files: FileSet,
): Promise<Store> {
  const { fileSystem, random, clock, ordered, maxKeydirBytes: maxBytes } = options;
  const context = { fileSystem, directory };
  const keys = await KeyRing.open(options.encryption, random);
  const state = await recoverFiles(context, found, {
    createKeydir: () => new Keydir({ random }, { ordered, maxBytes }),
    files,
    keys,
    onProgress: options.onOpenProgress,
    isReadOnly: true,
  });
  const { keydir } = state;
  const health = new Health();
  const manifest = new ManifestStore(fileSystem, directory, health, found);
  const now = new StoreTime(clock, state.timeFloorMs);
  const { dataFileMaxBytes } = options;
  const log = new ActiveLog(
    { fileSystem, random, directory, files, manifest, health, time: now, keys, dataFileMaxBytes },
    { ...state, nextFileId: found.nextFileId },
  );
  const report = {
    tornTail: undefined,
    cutZeros: undefined,
    ignoredHints: state.ignoredHints,
    removedFiles: [],
    foreignFiles: [],
    recordsScanned: state.recordsScanned,
    hintEntriesLoaded: state.hintEntriesLoaded,
    staleLockTakenOver: false,
  };
  const lock = undefined;
  const parts = {
    directory,
    options,
    keydir,
    files,
    health,
    now,
    manifest,
    log,
    keys,
    lock,
    image: new ImageKeeper(fileSystem, directory),
    report,
  };
  const store = new Store(parts);
  // An expiry that was seen cannot be recorded: nothing is to be written, nor timed.
  store.queue.stop();
  return store;
}
