import { AbstractSnapshot } from "abstract-level";
import type { Bitcask } from "../bitcask.js";
import type { Snapshot } from "../snapshot.js";

/** abstract-level's class, with the constructor that its types leave out. */
const ResourceSnapshot = AbstractSnapshot as unknown as new (options: object) => AbstractSnapshot;

/** What `db.snapshot()` gives: the store's snapshot, released when it is closed. */
export class BitcaskLevelSnapshot extends ResourceSnapshot {
  /** For reads of the database. */
  readonly source: Snapshot;

  /** @param options as abstract-level hands them over: they name the owner */
  constructor(options: object, source: Snapshot) {
    super(options);
    this.source = source;
  }

  /** Called by abstract-level once nobody uses the snapshot. */
  protected async _close(): Promise<void> {
    this.source.release();
  }
}

/** What a read is to read: the explicit snapshot among its options, or the store. */
export function sourceOf(store: Bitcask, { snapshot }: SnapshotRequest): Bitcask | Snapshot {
  return snapshot === undefined ? store : snapshot.source;
}

/** Options of a read, as abstract-level hands them over. */
export interface SnapshotRequest {
  readonly snapshot?: BitcaskLevelSnapshot | undefined;
}
