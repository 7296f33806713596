/** What a node says of itself to nodes that it shares no cluster with yet. */
import { createHash } from "node:crypto";
import type { HelloRequest, HelloResponse, NodeState } from "@titan/proto";
import type { StaticPeer } from "../config/peer-list.js";
import type { ClusterMap } from "./cluster-map.js";
import type { NodeFacts } from "./map-command.js";
import { encodeMap } from "./map-schema.js";

const STATE_UNSPECIFIED: NodeState = 0;

/** This node, as it may be taken into a map. */
export interface Self extends NodeFacts {
  readonly id: string;
  readonly joinToken: string;
}

/** A name for a list of peers: the same for the same peers, in whatever order they are given. */
export function digestOfPeers(peers: readonly StaticPeer[]): string {
  if (peers.length === 0) return "";
  const lines = peers.map(({ id, grpcAddr, raftAddr }) => `${id} ${grpcAddr} ${raftAddr}\n`);
  return createHash("sha256").update(lines.sort().join("")).digest("hex");
}

/** `self` as it goes over the wire; number and state are left to the cluster. */
export function toClusterNode({ id, grpcAddr, raftAddr, zone, weight }: Self) {
  return {
    ...{ number: 0, nodeId: id, grpcAddr, raftAddr, zone, state: STATE_UNSPECIFIED },
    weightPercent: Math.round(weight * 100),
  };
}

export class Introduction {
  readonly self: Self;
  readonly peersDigest: string;
  /** The map of the cluster that this node belongs to. */
  readonly #map: () => ClusterMap | undefined;

  constructor(self: Self, peersDigest: string, map: () => ClusterMap | undefined) {
    this.self = self;
    this.peersDigest = peersDigest;
    this.#map = map;
  }

  answer({ nodeId, joinToken }: HelloRequest): HelloResponse {
    const { self, peersDigest } = this;
    const map = this.#map();
    // One that has left, too: from the map it learns that it has.
    const isKnown =
      joinToken !== "" &&
      map?.nodes.some((node) => node.id === nodeId && node.joinToken === joinToken) === true;
    return {
      nodeId: self.id,
      // Who belongs to a cluster has no use for it but to be mistaken for somebody else.
      joinToken: map === undefined ? self.joinToken : "",
      peersDigest,
      clusterId: map?.clusterId ?? "",
      map: map !== undefined && isKnown ? encodeMap(map) : new Uint8Array(0),
      self: toClusterNode(self),
    };
  }
}
