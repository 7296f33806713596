/**
 * Revisions: numbers that grow with every write of a shard and never come twice. The revision of a write is its
 * index in the shard's log.
 */

declare const brand: unique symbol;

/** When a key was last changed. Positive safe integer; 0 stands for "never". */
export type Revision = number & { readonly [brand]: "Revision" };

/** The revision of a key that is not there. */
export const NO_REVISION = toRevision(0);

/** Checks a number that comes from outside. */
export function toRevision(value: number): Revision {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a revision: ${value}`);
  return value as Revision;
}
