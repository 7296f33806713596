/**
 * The image of the index between openings. One that the store was opened from stays while nothing is
 * written, so that closing need not write it anew: its number is changed to that of the manifest of the
 * clean end, and it counts again. The first write removes it, for it takes a good deal of the disk.
 */
import type { DataFile } from "./data-file.js";
import type { FileCipher } from "./encryption/file-cipher.js";
import { IMAGE_NAME, type ImagedFile, renumberIndexImage, writeIndexImage } from "./index-image.js";
import type { Keydir } from "./keydir/keydir.js";
import { TableWriter } from "./keydir/table-image.js";
import type { FileSystem } from "./ports.js";
import { unlinkIfPresent } from "./small-file.js";

/** What the store is as it ends. */
export interface ImageSubject {
  readonly manifest: { readonly storeId: string; readonly generation: number };
  readonly files: readonly DataFile[];
  readonly cipher: FileCipher | undefined;
  readonly keydir: Keydir;
}

export class ImageKeeper {
  private readonly fileSystem: FileSystem;
  private readonly path: string;
  /** What the image that lies there says of the files; `undefined`: it is of no use. */
  private kept: readonly ImagedFile[] | undefined;
  private removal: Promise<unknown> = Promise.resolve();

  constructor(fileSystem: FileSystem, directory: string) {
    this.fileSystem = fileSystem;
    this.path = fileSystem.join(directory, IMAGE_NAME);
  }

  /** Keeps the image that the store was opened from, while nothing is written. */
  keep(files: readonly ImagedFile[]): void {
    this.kept = files;
  }

  /** Removes what lies there. Failing, it lies there until the store is closed, and counts for nothing. */
  remove(): Promise<unknown> {
    this.kept = undefined;
    this.removal = this.removal
      .then(() => unlinkIfPresent(this.fileSystem, this.path))
      .catch(() => undefined);
    return this.removal;
  }

  /** Has an image of the store as it ends. A failure costs the next open some time and nothing else. */
  async write(subject: ImageSubject): Promise<void> {
    await this.removal;
    const { fileSystem, path } = this;
    if (this.isStillTrue(subject.files)) {
      const isRenumbered = await renumberIndexImage(fileSystem, path, subject.manifest).catch(
        () => false,
      );
      if (isRenumbered) return;
    }
    const tables = new TableWriter();
    subject.keydir.save(tables);
    const { files, cipher } = subject;
    await writeIndexImage(fileSystem, path, subject.manifest, { files, cipher, tables }).catch(() =>
      unlinkIfPresent(fileSystem, `${path}.tmp`).catch(() => undefined),
    );
  }

  /** Without a write the keys are the same; merges and hints show in the files. */
  private isStillTrue(files: readonly DataFile[]): boolean {
    const { kept } = this;
    if (kept === undefined || kept.length !== files.length) return false;
    const known = new Map(kept.map((file) => [file.id, file]));
    return files.every((file) => {
      const then = known.get(file.id);
      return (
        then?.size === file.size &&
        then.salt === file.salt &&
        then.liveBytes === file.liveBytes &&
        then.minSequence === file.minSequence &&
        then.hintedBytes === file.hintedBytes
      );
    });
  }
}
