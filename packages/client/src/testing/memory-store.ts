/**
 * All that a test server holds: keys by keyspace, and shards with their revisions, histories and sessions.
 *
 * A key's shard is the one that a cluster with as many shards keeps it on, so that what may be done together there may
 * be here, and nothing else. Everything is synchronous: a write is done before anybody else has a turn.
 */
import { ChangeKind, type WriteId } from "@titan/proto";
import { TokenRanges } from "@titan/ring";
import { ChangeLog } from "./change-log.js";
import { KeyTable, type StoredEntry } from "./key-table.js";
import { MemorySessions } from "./memory-sessions.js";

const NO_BYTES = new Uint8Array(0);

export class MemoryShard {
  /** Of the last write. */
  revision = 0;
  readonly log: ChangeLog;
  readonly sessions: MemorySessions;

  constructor(
    readonly number: number,
    historyChanges: number,
    nowMs: () => number,
  ) {
    this.log = new ChangeLog(historyChanges);
    this.sessions = new MemorySessions(nowMs);
  }

  /** Does a write as the next revision; one with an id that was done before only answers as it did then. */
  write<Result>(writeId: WriteId | undefined, write: (revision: number) => Result): Result {
    this.revision += 1;
    const { revision } = this;
    return writeId === undefined
      ? write(revision)
      : this.sessions.once(writeId, () => write(revision));
  }
}

export class MemoryStore {
  readonly shards: readonly MemoryShard[];
  private readonly ranges: TokenRanges;
  /** By number of the keyspace. */
  private readonly tables = new Map<number, KeyTable>();
  private readonly listeners = new Set<() => void>();
  private earliestMs = Number.POSITIVE_INFINITY;

  constructor(
    { shards, historyChanges }: { readonly shards: number; readonly historyChanges: number },
    /** Whole milliseconds. */
    readonly nowMs: () => number,
  ) {
    this.ranges = TokenRanges.even(shards);
    this.shards = Array.from(
      { length: shards },
      (_, number) => new MemoryShard(number, historyChanges, nowMs),
    );
  }

  /** No key expires before this. */
  get earliestExpiryMs(): number {
    return this.earliestMs;
  }

  shardOf(key: Uint8Array): MemoryShard {
    const shard = this.shards[this.ranges.rangeOf(key)];
    if (shard === undefined) throw new Error("assertion: every key has a shard");
    return shard;
  }

  table(keyspace: number): KeyTable {
    const table = this.tables.get(keyspace) ?? new KeyTable();
    this.tables.set(keyspace, table);
    return table;
  }

  /** @param ttlMs 0: does not expire */
  put(keyspace: number, key: Uint8Array, value: Uint8Array, ttlMs: number): void {
    this.putUntil(keyspace, key, value, ttlMs > 0 ? this.nowMs() + ttlMs : undefined);
  }

  putUntil(
    keyspace: number,
    key: Uint8Array,
    value: Uint8Array,
    expiresAtMs: number | undefined,
  ): void {
    const { number: shard, revision, log } = this.shardOf(key);
    this.table(keyspace).set({ key, value, shard, revision, expiresAtMs });
    this.earliestMs = Math.min(this.earliestMs, expiresAtMs ?? Number.POSITIVE_INFINITY);
    log.add({ kind: ChangeKind.PUT, keyspace, key, value, revision, expiresAtMs });
    this.tell();
  }

  /** @returns whether it was there */
  remove(
    keyspace: number,
    key: Uint8Array,
    kind: ChangeKind.DELETE | ChangeKind.EXPIRE = ChangeKind.DELETE,
  ): boolean {
    if (this.table(keyspace).get(key) === undefined) return false;
    const { revision, log } = this.shardOf(key);
    this.table(keyspace).delete(key);
    log.add({ kind, keyspace, key, value: NO_BYTES, revision, expiresAtMs: undefined });
    this.tell();
    return true;
  }

  /** Removes what has expired. To be called before anything is read or written. */
  expire(): void {
    const nowMs = this.nowMs();
    if (this.earliestMs > nowMs) return;
    const expiring = [...this.tables].flatMap(([keyspace, table]) =>
      table.all().flatMap((entry) => {
        const { expiresAtMs } = entry;
        return expiresAtMs === undefined ? [] : [{ keyspace, entry, expiresAtMs }];
      }),
    );
    const byTime = expiring.sort((a, b) => a.expiresAtMs - b.expiresAtMs);
    const due = byTime.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    this.earliestMs = byTime[due.length]?.expiresAtMs ?? Number.POSITIVE_INFINITY;
    this.removeTogether(due, ChangeKind.EXPIRE);
  }

  /** Removes all keys of a keyspace. */
  drop(keyspace: number): void {
    const entries = this.table(keyspace).all();
    this.removeTogether(
      entries.map((entry) => ({ keyspace, entry })),
      ChangeKind.DELETE,
    );
  }

  /** Calls `listener` behind every change. @returns ends that */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Those of one shard with one revision. */
  private removeTogether(
    some: readonly { readonly keyspace: number; readonly entry: StoredEntry }[],
    kind: ChangeKind.DELETE | ChangeKind.EXPIRE,
  ): void {
    for (const number of new Set(some.map(({ entry }) => entry.shard))) {
      this.shards[number]?.write(undefined, () => undefined);
    }
    for (const { keyspace, entry } of some) this.remove(keyspace, entry.key, kind);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
