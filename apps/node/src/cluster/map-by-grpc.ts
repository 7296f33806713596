/**
 * Fetches the map by gRPC when no peer answers over the peers' own connections. Peers let go of the address of a
 * node that has left, and a node that was down when all the others got new addresses knows none of them; where
 * clients connect, somebody may answer still.
 */
import type { Logger } from "../logger.js";
import { type ClusterDialer, DialFailure } from "./cluster-dialer.js";
import { type ClusterMap, nodeOf } from "./cluster-map.js";
import type { Self } from "./introduction.js";
import { decodeMap } from "./map-schema.js";

export interface MapByGrpcDeps {
  readonly self: Self;
  readonly number: number;
  readonly dialer: ClusterDialer;
  readonly logger: Logger;
}

/**
 * @param signal ends it after the peer that is being asked
 * @returns the first map that a peer gives which is newer than `known`; undefined when none does. Never rejects.
 */
export async function fetchNewerMap(
  known: ClusterMap,
  { self, number, dialer, logger }: MapByGrpcDeps,
  signal: AbortSignal,
): Promise<ClusterMap | undefined> {
  const { id: nodeId, joinToken } = self;
  for (const node of known.nodes) {
    if (signal.aborted) return undefined;
    if (node.number === number || node.state === "left") continue;
    try {
      const answer = await dialer.hello(node.grpcAddr, { nodeId, joinToken, peersDigest: "" });
      if (answer.clusterId !== known.clusterId || answer.map.length === 0) continue;
      const map = decodeMap(answer.map);
      if (map.epoch <= known.epoch) continue;
      const hasLeft = nodeOf(map, number)?.state === "left";
      logger.info(
        { from: node.id, epoch: map.epoch, hasLeft },
        "no peer answers this node, but by gRPC it got a newer cluster map",
      );
      return map;
    } catch (error) {
      // The next one may answer, and sense.
      if (!(error instanceof DialFailure)) {
        logger.warn({ error, from: node.id }, "a peer gave a cluster map that cannot be read");
      }
    }
  }
  return undefined;
}
