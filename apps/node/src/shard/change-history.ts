/**
 * The latest changes of a shard, for those who watch it: in memory, bounded in count and bytes, oldest first.
 *
 * Invariant: every change with a revision above `floor` is here, in the order of the log.
 */
import { fromStoreKey } from "../kv/keyspace.js";
import { toRevision } from "../kv/revision.js";
import { ByteReader, MalformedBytes } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";
import type { ShardChange, ShardHistory } from "./shard-replica.js";

export interface HistoryLimits {
  readonly changes: number;
  /** Keys and values, about. */
  readonly bytes: number;
}

/** A change as it is kept. */
export interface KeptChange {
  readonly kind: ChangeKind;
  readonly storeKey: Uint8Array;
  /** Of a put; empty otherwise. */
  readonly value: Uint8Array;
  readonly revision: number;
  /** 0: never. */
  readonly expiresAtMs: number;
}

export type ChangeKind = ShardChange["kind"];

const KINDS: readonly ChangeKind[] = ["put", "delete", "expire"];
/** Bytes that a change takes beside key and value, about. */
const OVERHEAD_BYTES = 96;
const VERSION = 1;
/** A kind, a revision, an expiry, two lengths. */
const LEAST_CHANGE_BYTES = 5;
/** Dropped changes are kept as holes until there are so many, then removed together. */
const MAX_HOLES = 1024;

export class ChangeHistory {
  readonly #limits: HistoryLimits;
  #changes: (KeptChange | undefined)[] = [];
  /** Where the oldest one is: before it are holes. */
  #first = 0;
  #bytes = 0;
  #floor = 0;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
  }

  /** All changes with a revision above this one are known. */
  get floor(): number {
    return this.#floor;
  }

  /** Revision of the last change up to `through`; the floor when there is none. */
  latest(through: number): number {
    return this.#changes[this.#after(through) - 1]?.revision ?? this.#floor;
  }

  /** Takes a change with a revision no lower than those before; drops the oldest beyond the limits. */
  add(change: KeptChange): void {
    this.#changes.push(change);
    this.#bytes += bytesOf(change);
    const { changes, bytes } = this.#limits;
    while (this.#changes.length - this.#first > changes || this.#bytes > bytes) this.#dropOldest();
  }

  /** Forgets everything: changes from `floor` on are to come. */
  reset(floor: number): void {
    this.#changes = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#floor = floor;
  }

  /**
   * Changes with revisions in `(from, through]`, as many as fit the page; those of one revision stay together.
   * @param through everything up to here has been applied
   */
  read(
    from: number,
    through: number,
    page: { readonly changes: number; readonly bytes: number },
  ): ShardHistory {
    if (from < this.#floor) return { type: "compacted", oldest: this.#floor };
    const changes: ShardChange[] = [];
    let bytes = 0;
    let at = this.#after(from);
    for (; at < this.#changes.length; at += 1) {
      const change = this.#changes[at];
      if (change === undefined || change.revision > through) break;
      const last = changes.at(-1);
      const isFull = changes.length >= page.changes || bytes >= page.bytes;
      if (isFull && last !== undefined && last.revision !== change.revision) {
        return { type: "changes", changes, progress: last.revision };
      }
      changes.push(toShardChange(change));
      bytes += bytesOf(change);
    }
    return { type: "changes", changes, progress: Math.max(from, through) };
  }

  /** All of it; inverse of {@link ChangeHistory.load}. Taken when no change beyond what is applied is here. */
  encode(): Uint8Array {
    const writer = new ByteWriter(this.#bytes + 16);
    writer.u8(VERSION);
    writer.varint(this.#floor);
    writer.varint(this.#changes.length - this.#first);
    for (let at = this.#first; at < this.#changes.length; at += 1) {
      const change = this.#changes[at];
      if (change === undefined) continue;
      writer.u8(KINDS.indexOf(change.kind));
      writer.varint(change.revision);
      writer.varint(change.expiresAtMs);
      writer.sizedBytes(change.storeKey);
      writer.sizedBytes(change.value);
    }
    return writer.finish();
  }

  /** Takes over what another one encoded, within this one's limits. @throws MalformedBytes, changing nothing */
  load(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    const version = reader.u8();
    if (version !== VERSION) throw new MalformedBytes(`a history of version ${version}`);
    const floor = reader.varint();
    const count = reader.count(LEAST_CHANGE_BYTES);
    const changes: KeptChange[] = [];
    for (let at = 0; at < count; at += 1) {
      const kind = KINDS[reader.u8()];
      if (kind === undefined) throw new MalformedBytes("a change of unknown kind");
      const revision = reader.varint();
      const expiresAtMs = reader.varint();
      const storeKey = reader.sizedBytes();
      changes.push({ kind, storeKey, value: reader.sizedBytes(), revision, expiresAtMs });
    }
    reader.expectEnd();
    this.reset(floor);
    for (const change of changes) this.add(change);
  }

  #dropOldest(): void {
    const oldest = this.#changes[this.#first];
    if (oldest === undefined) return;
    this.#changes[this.#first] = undefined;
    this.#first += 1;
    this.#bytes -= bytesOf(oldest);
    this.#floor = oldest.revision;
    if (this.#first < MAX_HOLES || this.#first * 2 < this.#changes.length) return;
    this.#changes = this.#changes.slice(this.#first);
    this.#first = 0;
  }

  /** Where the first change with a revision above `from` is. */
  #after(from: number): number {
    let low = this.#first;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? 0) > from) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function bytesOf({ storeKey, value }: KeptChange): number {
  return OVERHEAD_BYTES + storeKey.length + value.length;
}

function toShardChange({ kind, storeKey, value, revision, expiresAtMs }: KeptChange): ShardChange {
  return {
    kind,
    keyspace: (storeKey[0] ?? 0) * 0x100 + (storeKey[1] ?? 0),
    key: fromStoreKey(storeKey),
    value,
    revision: toRevision(revision),
    expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs,
  };
}
