/** The latest changes of one shard, for watches: bounded, the oldest dropped first. */
import type { ChangeKind } from "@titan/proto";

export interface LoggedChange {
  readonly kind: ChangeKind.PUT | ChangeKind.DELETE | ChangeKind.EXPIRE;
  /** Number of the keyspace. */
  readonly keyspace: number;
  readonly key: Uint8Array;
  /** Empty unless it is a put. */
  readonly value: Uint8Array;
  readonly revision: number;
  readonly expiresAtMs: number | undefined;
}

export class ChangeLog {
  private readonly changes: LoggedChange[] = [];
  private floorRevision = 0;

  constructor(private readonly mostChanges: number) {}

  /** Every change with a revision above this one is here. */
  get floor(): number {
    return this.floorRevision;
  }

  /** @param change with a revision no lower than those before */
  add(change: LoggedChange): void {
    this.changes.push(change);
    if (this.changes.length <= this.mostChanges) return;
    this.floorRevision = this.changes.shift()?.revision ?? this.floorRevision;
  }

  /** Changes after `revision`, in order. */
  after(revision: number): readonly LoggedChange[] {
    const first = this.changes.findLastIndex((change) => change.revision <= revision) + 1;
    return this.changes.slice(first);
  }
}
