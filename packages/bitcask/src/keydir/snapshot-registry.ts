import { BitcaskError } from "../errors.js";

/** A view of the keydir as it was; see `Keydir.snapshot`. */
export interface KeydirSnapshot {
  /** The last sequence number that the view includes. */
  readonly sequence: number;
  /** False once released or given up. */
  readonly isOpen: boolean;
  /** Lets go of what was kept for this view. Idempotent. */
  release(): void;
}

interface Entry {
  readonly sequence: number;
  isOpen: boolean;
}

/**
 * The open snapshots, oldest first. A snapshot object that its owner has dropped without a release is
 * released when the collector finds it.
 */
export class SnapshotRegistry {
  /** Sequence of the newest open snapshot, -1 when there is none. Plain fields: every write looks. */
  newest = -1;
  /** Sequence of the oldest open snapshot, -1 when there is none. */
  oldest = -1;
  private readonly entries: Entry[] = [];
  private readonly leaked: FinalizationRegistry<Entry>;
  private readonly maxSnapshots: number;

  constructor(maxSnapshots: number) {
    this.maxSnapshots = maxSnapshots;
    this.leaked = new FinalizationRegistry((entry) => this.close(entry));
  }

  get size(): number {
    return this.entries.length;
  }

  /** @throws BitcaskError `BITCASK_TOO_MANY_SNAPSHOTS` */
  open(sequence: number): KeydirSnapshot {
    if (this.entries.length >= this.maxSnapshots) {
      throw new BitcaskError({
        code: "BITCASK_TOO_MANY_SNAPSHOTS",
        message: `${this.maxSnapshots} snapshots are open; release one first`,
      });
    }
    const entry: Entry = { sequence, isOpen: true };
    this.entries.push(entry);
    this.refresh();
    const snapshot = new Snapshot(entry, (gone) => {
      this.close(gone);
      this.leaked.unregister(gone);
    });
    this.leaked.register(snapshot, entry, entry);
    return snapshot;
  }

  /** Closes the oldest snapshot against its owner's will. @returns false when none is open */
  giveUpOldest(): boolean {
    const entry = this.entries.shift();
    if (entry === undefined) return false;
    entry.isOpen = false;
    this.refresh();
    return true;
  }

  /** Closes all against their owners' will: the store is about to be closed. */
  giveUpAll(): void {
    while (this.giveUpOldest());
  }

  private close(entry: Entry): void {
    if (!entry.isOpen) return;
    entry.isOpen = false;
    const index = this.entries.indexOf(entry);
    if (index >= 0) this.entries.splice(index, 1);
    this.refresh();
  }

  private refresh(): void {
    this.newest = this.entries.at(-1)?.sequence ?? -1;
    this.oldest = this.entries[0]?.sequence ?? -1;
  }
}

class Snapshot implements KeydirSnapshot {
  private readonly entry: Entry;
  private readonly close: (entry: Entry) => void;

  constructor(entry: Entry, close: (entry: Entry) => void) {
    this.entry = entry;
    this.close = close;
  }

  get sequence(): number {
    return this.entry.sequence;
  }

  get isOpen(): boolean {
    return this.entry.isOpen;
  }

  release(): void {
    this.close(this.entry);
  }
}
