/**
 * The directory that a checkpoint or a restore fills. Marked as incomplete before the first file comes
 * and until the manifest is durable: after a crash it is whole, or refused, or not there.
 */
import { createDirectory, syncAncestors } from "../directory.js";
import { BitcaskError } from "../errors.js";
import { INCOMPLETE_NAME } from "../incomplete-copy.js";
import { encodeManifest, MANIFEST_NAME, type Manifest } from "../manifest.js";
import type { FileSystem } from "../ports.js";
import { createSyncedFile } from "../small-file.js";

export class CopyTarget {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  private readonly hasMadeDirectory: boolean;
  private readonly names: string[] = [];

  private constructor(fileSystem: FileSystem, directory: string, hasMadeDirectory: boolean) {
    this.fileSystem = fileSystem;
    this.directory = directory;
    this.hasMadeDirectory = hasMadeDirectory;
  }

  /** @throws BitcaskError `BITCASK_TARGET_NOT_EMPTY` */
  static async begin(fileSystem: FileSystem, directory: string): Promise<CopyTarget> {
    const isMissing = (await fileSystem.stat(directory)) === undefined;
    await createDirectory(fileSystem, directory, true);
    const target = new CopyTarget(fileSystem, directory, isMissing);
    const [found] = await fileSystem.list(directory);
    if (found !== undefined) throw notEmpty(directory, found);
    try {
      await createSyncedFile(fileSystem, target.claim(INCOMPLETE_NAME), new Uint8Array(0));
      await fileSystem.syncDirectory(directory);
      await syncAncestors({ fileSystem, directory });
      return target;
    } catch (error) {
      await target.abandon();
      throw error;
    }
  }

  /** The path of a file that is about to be made. */
  claim(name: string): string {
    this.names.push(name);
    return this.fileSystem.join(this.directory, name);
  }

  /** All files are there and synced: makes them a store. */
  async complete(manifest: Manifest): Promise<void> {
    const { fileSystem, directory } = this;
    const path = this.claim(MANIFEST_NAME);
    const aside = this.claim(`${MANIFEST_NAME}.tmp`);
    await createSyncedFile(fileSystem, aside, encodeManifest(manifest));
    await fileSystem.syncDirectory(directory);
    await fileSystem.rename(aside, path);
    await fileSystem.syncDirectory(directory);
    await fileSystem.unlink(fileSystem.join(directory, INCOMPLETE_NAME));
    await fileSystem.syncDirectory(directory);
  }

  /** Removes what was made; what cannot be removed stays marked. */
  async abandon(): Promise<void> {
    const { fileSystem, directory } = this;
    // The mark goes last, and only when nothing that it warns of is left.
    let isClean = true;
    for (const name of [...this.names].reverse()) {
      if (name === INCOMPLETE_NAME && !isClean) return;
      const path = fileSystem.join(directory, name);
      await fileSystem.unlink(path).catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== "ENOENT") isClean = false;
      });
    }
    if (this.hasMadeDirectory) await fileSystem.removeDirectory(directory).catch(() => undefined);
  }
}

function notEmpty(directory: string, found: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_TARGET_NOT_EMPTY",
    message: `${directory} is not empty (${found}); copies are made in new or empty directories only`,
    file: directory,
  });
}
