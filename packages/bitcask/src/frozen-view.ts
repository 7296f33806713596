import type { DataFile } from "./data-file.js";
import type { FileSet, FileView } from "./file-set.js";
import type { Keydir } from "./keydir/keydir.js";
import type { KeydirSnapshot } from "./keydir/snapshot-registry.js";
import type { StoreTime } from "./store-time.js";

/** The store as it was at one moment: a snapshot of the keydir and the files that it points into. */
export class FrozenView {
  readonly snapshot: KeydirSnapshot;
  private readonly files: FileView;
  private readonly time: StoreTime;
  /** Expiry is judged as of one time, so that no key vanishes while the view is open. */
  private readonly now: number;

  /** @throws BitcaskError `BITCASK_TOO_MANY_SNAPSHOTS` */
  constructor(parts: {
    readonly keydir: Keydir;
    readonly files: FileSet;
    readonly now: StoreTime;
  }) {
    this.snapshot = parts.keydir.snapshot();
    this.files = parts.files.openView();
    this.time = parts.now;
    this.now = parts.now.now();
  }

  file(fileId: number): DataFile {
    return this.files.get(fileId);
  }

  /** Whether a key of this expiry was absent when the view was taken. */
  hasExpired(expiresAt: number): boolean {
    return expiresAt !== 0 && expiresAt <= this.now && this.time.hasExpired(expiresAt);
  }

  /** Idempotent. */
  release(): void {
    this.snapshot.release();
    this.files.release();
  }
}
