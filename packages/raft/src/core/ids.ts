/**
 * The three numbers Raft is made of, each with a brand so that they cannot be mixed up, and the
 * only functions that may create them.
 *
 * All are safe integers (below 2^53): at a million entries a second a log index lasts 285 years.
 */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Election term: 0 before the first election, then never decreases. Safe integer. */
export type Term = Brand<number, "Term">;

/** Log position: the first entry is 1, 0 means "before the log". Safe integer. */
export type LogIndex = Brand<number, "LogIndex">;

/** Member of one group: positive, unique for the life of the group, never reused. Safe integer. */
export type NodeId = Brand<number, "NodeId">;

/** A place in some log. Two logs that agree on a position agree on all before it (paper §5.3). */
export interface LogPosition {
  readonly term: Term;
  readonly index: LogIndex;
}

/** Whether a log that ends at `end` is at least as up to date as one that ends at `other` (paper §5.4.1). */
export function isAsGood(end: LogPosition, other: LogPosition): boolean {
  return end.term === other.term ? end.index >= other.index : end.term > other.term;
}

/** @throws RangeError when `value` is not a safe integer of at least 0 */
export function toTerm(value: number): Term {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a term: ${value}`);
  return value as Term;
}

/** @throws RangeError when `value` is not a safe integer of at least 0 */
export function toLogIndex(value: number): LogIndex {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a log index: ${value}`);
  return value as LogIndex;
}

/** @throws RangeError when `value` is not a safe integer of at least 1 */
export function toNodeId(value: number): NodeId {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`not a node id: ${value}`);
  return value as NodeId;
}

/** The term before any election. */
export const TERM_ZERO: Term = toTerm(0);

/** The position before the first entry of a log that was never compacted. */
export const INDEX_ZERO: LogIndex = toLogIndex(0);

/** The index `distance` entries after `index` (before it, when negative). */
export function shiftIndex(index: LogIndex, distance: number): LogIndex {
  return toLogIndex(index + distance);
}

export function laterIndex(a: LogIndex, b: LogIndex): LogIndex {
  return a > b ? a : b;
}

export function earlierIndex(a: LogIndex, b: LogIndex): LogIndex {
  return a < b ? a : b;
}
