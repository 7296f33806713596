export {
  planRangeMoves,
  planReplicaMoves,
  type RangeMove,
  type ReplicaMove,
} from "./move-plan.js";
// Placing shards, and what has to move.
export { type Placement, type PlacementOptions, placeShards } from "./placement.js";
export { Ring, type RingOptions } from "./ring.js";
export type { ResolvedNode, RingNode } from "./ring-node.js";
// Keys and tokens.
export { routingKey } from "./routing-key.js";
export { TOKEN_SPACE, type Token, tokenOf, toToken } from "./token.js";
export { TokenRanges } from "./token-ranges.js";
