/** Replaces the manifest atomically, one replacement at a time. */
import { BitcaskError } from "./errors.js";
import type { Health } from "./health.js";
import { isOutOfDescriptors, isShortage, posixCode, toBitcaskError } from "./io-errors.js";
import { encodeManifest, MANIFEST_NAME, type Manifest } from "./manifest.js";
import type { FileHandle, FileSystem } from "./ports.js";

/** Turns of the event loop to wait for a descriptor. */
const MAX_SYNC_ATTEMPTS = 64;

export class ManifestStore {
  private readonly fileSystem: FileSystem;
  private readonly directory: string;
  private readonly health: Health;
  private manifest: Manifest;
  /** Obsolete files that were unlinked since the last sync of the directory. */
  private readonly unlinked = new Set<number>();
  /** Unlinked files whose names are gone for good. */
  private readonly forgettable = new Set<number>();
  /** Settles when the replacement under way does; never rejects. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(fileSystem: FileSystem, directory: string, health: Health, manifest: Manifest) {
    this.fileSystem = fileSystem;
    this.directory = directory;
    this.health = health;
    this.manifest = manifest;
  }

  /** What is on disk. */
  get current(): Manifest {
    return this.manifest;
  }

  /**
   * Notes that an obsolete file was unlinked. Its name may come back in a crash until the directory has
   * been synced, so the manifest goes on calling it obsolete until after that.
   */
  noteUnlinked(fileId: number): void {
    this.unlinked.add(fileId);
  }

  /**
   * Puts `change(current)` in the manifest's place; durable, with all names in the directory, when
   * the promise resolves.
   * @throws BitcaskError `BITCASK_DISK_FULL` and the like when nothing happened; after any other
   *   failure the store is poisoned
   */
  replace(change: (current: Manifest) => Manifest): Promise<void> {
    const turn = this.last.then(() => this.write(change));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async write(change: (current: Manifest) => Manifest): Promise<void> {
    this.health.assertSound();
    const next = this.successor(change(this.manifest));
    const unlinked = [...this.unlinked];
    const path = this.fileSystem.join(this.directory, MANIFEST_NAME);
    const aside = `${path}.tmp`;
    await this.writeAside(aside, encodeManifest(next));
    try {
      // Names survive a power cut in any order: those that the manifest lists must be there first.
      await this.syncNames();
    } catch (error) {
      if (!isOutOfDescriptors(error))
        throw this.poisoned("BITCASK_SYNC_FAILED", "sync", path, error);
      await this.fileSystem.unlink(aside).catch(() => undefined);
      throw refusal(error, path);
    }
    try {
      await this.fileSystem.rename(aside, path);
      await this.syncNames();
    } catch (error) {
      throw this.poisoned("BITCASK_SYNC_FAILED", "replace", path, error);
    }
    this.manifest = next;
    for (const fileId of unlinked) {
      this.unlinked.delete(fileId);
      this.forgettable.add(fileId);
    }
  }

  /** A directory that could not be opened has not been synced in vain: that may be tried again. */
  private async syncNames(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.fileSystem.syncDirectory(this.directory);
        return;
      } catch (error) {
        if (!isOutOfDescriptors(error) || attempt === MAX_SYNC_ATTEMPTS) throw error;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private successor(changed: Manifest): Manifest {
    const generation = this.manifest.generation + 1;
    const isRemembered = (fileId: number) => !this.forgettable.has(fileId);
    const obsoleteFileIds = changed.obsoleteFileIds.filter(isRemembered);
    return { ...changed, generation, obsoleteFileIds };
  }

  private async writeAside(path: string, bytes: Buffer): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      handle = await this.createAnew(path);
      await handle.write(bytes, 0);
    } catch (error) {
      await handle?.close();
      await this.fileSystem.unlink(path).catch(() => undefined);
      if (!isShortage(error)) throw this.poisoned("BITCASK_WRITE_FAILED", "write", path, error);
      throw refusal(error, path);
    }
    try {
      await handle.sync();
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw this.poisoned("BITCASK_SYNC_FAILED", "sync", path, error);
    }
    await handle.close();
  }

  /** A crash, or a replacement that ran out of space, may have left the name taken. */
  private async createAnew(path: string): Promise<FileHandle> {
    try {
      return await this.fileSystem.open(path, "create-exclusive");
    } catch (error) {
      if (posixCode(error) !== "EEXIST") throw error;
      await this.fileSystem.unlink(path);
      return this.fileSystem.open(path, "create-exclusive");
    }
  }

  private poisoned(
    code: "BITCASK_SYNC_FAILED" | "BITCASK_WRITE_FAILED",
    action: string,
    file: string,
    cause: unknown,
  ): BitcaskError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot ${action} ${file}: ${reason}`;
    return this.health.poison(new BitcaskError({ code, message, file, cause, outcome: "unknown" }));
  }
}

/** Nothing happened. */
function refusal(error: unknown, path: string): BitcaskError {
  return toBitcaskError(error, {
    action: "write",
    file: path,
    otherwise: "BITCASK_WRITE_FAILED",
    outcome: "not-applied",
  });
}
