/** Nodes in any number of zones and with any weights. */

import fc from "fast-check";
import type { RingNode } from "../src/index.js";

export const ids = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.nat(10_000).map((number) => `node-${number}`),
  fc.nat(255).map((host) => `10.0.0.${host}:7420`),
);

export function nodes(size: {
  readonly minLength: number;
  readonly maxLength?: number;
}): fc.Arbitrary<RingNode[]> {
  const node = fc.record({
    id: ids,
    weight: fc.constantFrom(0.5, 1, 1, 1, 2),
    zone: fc.constantFrom("a", "b", "c", undefined),
  });
  return fc.uniqueArray(node, { maxLength: 10, ...size, selector: ({ id }) => id });
}
