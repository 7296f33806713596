/** What is placed on a ring. */

/** One who takes a share of the keys. */
export interface RingNode {
  /** Unique on the ring, not empty. Points are made from it: a renamed node is another node. */
  readonly id: string;
  /** Its share compared with others': a node of weight 2 gets twice as much. From 0.01 to 1,000.
   *  @default 1 */
  readonly weight?: number | undefined;
  /** What it fails together with, such as a rack or a data centre. @default a zone of its own */
  readonly zone?: string | undefined;
}

/** A node with its defaults filled in. */
export interface ResolvedNode {
  readonly id: string;
  readonly weight: number;
  readonly zone: string | undefined;
}

const WEIGHTS = { least: 0.01, most: 1000 };

/** @throws TypeError for a wrong type; RangeError for an empty id and a weight out of range */
export function resolveNode({ id, weight = 1, zone }: RingNode): ResolvedNode {
  if (typeof id !== "string") throw new TypeError(`a node's id must be a string, not ${typeof id}`);
  if (id === "") throw new RangeError("a node's id must not be empty");
  if (!(weight >= WEIGHTS.least && weight <= WEIGHTS.most)) {
    throw new RangeError(
      `weight of ${id} must be from ${WEIGHTS.least} to ${WEIGHTS.most}: ${weight}`,
    );
  }
  if (zone !== undefined && typeof zone !== "string") {
    throw new TypeError(`zone of ${id} must be a string, not ${typeof zone}`);
  }
  return { id, weight, zone };
}

export function compareIds(a: string, b: string): number {
  // By UTF-16 unit: the same everywhere, unlike a locale's order.
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
