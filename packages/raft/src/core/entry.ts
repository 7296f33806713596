/** Log entries and their sizes. */

import type { LogIndex, Term } from "./ids.js";

/**
 * What the data of an entry is.
 * - `normal`: bytes of the application; empty for the entry a new leader begins its term with.
 * - `config-change`: an encoded configuration change; empty means "leave the joint configuration".
 * - `single-config-change`: the older form, exactly one change and never joint.
 */
export type EntryType = "normal" | "config-change" | "single-config-change";

/** One entry of the replicated log. Never mutated after creation, nor is its data. */
export interface Entry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** An entry that has no place in the log yet: the leader gives it term and index. */
export interface ProposedEntry {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

export const NO_BYTES: Uint8Array = new Uint8Array(0);

export function isConfigEntry(entry: ProposedEntry): boolean {
  return entry.type !== "normal";
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

/**
 * Size in bytes that an entry counts for in message and apply limits: its encoding with one tag
 * byte per field and varint numbers, the unit that etcd/raft uses for the same limits.
 */
export function entryBytes(entry: Entry): number {
  const fixed = 4 + varintBytes(entry.term) + varintBytes(entry.index);
  const length = entry.data.length;
  return length === 0 ? fixed : fixed + 1 + varintBytes(length) + length;
}

export function totalEntryBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

/** Bytes of application data alone: what counts against the uncommitted limit. */
export function payloadBytes(entries: readonly ProposedEntry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/**
 * How many of the leading `entries` fit in `maxBytes`. At least one, when there is one: an entry
 * over the limit must still be able to travel.
 */
export function countWithin(entries: readonly Entry[], maxBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const entry of entries) {
    bytes += entryBytes(entry);
    if (count > 0 && bytes > maxBytes) return count;
    count += 1;
  }
  return count;
}
