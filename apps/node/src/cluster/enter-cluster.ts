/** Makes a node part of a cluster, or finds that it is one: what its directory says wins over the command line. */
import type { Settings } from "../config/settings.js";
import { NodeError } from "../node-error.js";
import type { ClusterMap } from "./cluster-map.js";
import type { Self } from "./introduction.js";
import { foundAlone, foundWithPeers, joinCluster, type MembershipDeps } from "./membership.js";
import type { Membership, NodeDirectory, NodeIdentity } from "./node-identity.js";
import { randomHex } from "./random-hex.js";

const TOKEN_DIGITS = 32;
const ID_DIGITS = 8;

/** What of the settings decides. */
export type EntrySettings = Pick<
  Settings,
  "nodeId" | "peers" | "join" | "shards" | "replicationFactor" | "virtualNodes"
>;

/**
 * Who this node is; drawn and stored at its first start.
 * @throws NodeError `NODE_CONFIG_INVALID`, and as `NodeDirectory.read`
 */
export async function knowSelf(
  directory: NodeDirectory,
  found: NodeIdentity | undefined,
  nodeId: string | undefined,
  random: MembershipDeps["random"],
): Promise<NodeIdentity> {
  const isSame = found !== undefined && (nodeId === undefined || nodeId === found.nodeId);
  if (isSame) return found;
  if (found?.member !== undefined) {
    throw new NodeError(
      "NODE_CONFIG_INVALID",
      `the data in ${directory.path} belongs to node "${found.nodeId}", not "${nodeId ?? ""}": ` +
        "give that --node-id, none, or another --data-dir",
    );
  }
  const drawn: NodeIdentity = {
    nodeId: nodeId ?? `node-${randomHex(random, ID_DIGITS)}`,
    joinToken: randomHex(random, TOKEN_DIGITS),
    member: undefined,
  };
  await directory.write(drawn);
  return drawn;
}

/**
 * @returns the node's place in its cluster, durable, and the newest map that it knows
 * @throws NodeError `NODE_CLUSTER_REFUSED`, `NODE_STOPPED`, `NODE_DATA_DAMAGED`
 */
export async function enterCluster(
  directory: NodeDirectory,
  identity: NodeIdentity,
  settings: EntrySettings,
  deps: MembershipDeps,
): Promise<{ readonly member: Membership; readonly map: ClusterMap }> {
  const { member } = identity;
  if (member !== undefined) {
    const map = await directory.readMap();
    if (map !== undefined) {
      const own = map.nodes.find(({ number }) => number === member.number);
      if (own?.state === "left") throw hasLeft(identity.nodeId, member.clusterId);
      return { member, map };
    }
    throw new NodeError(
      "NODE_DATA_DAMAGED",
      `data directory ${directory.path}: cluster-map.json is missing; restore it from a copy, or replace the node: ` +
        "take it out of the cluster (titan leave) and start it with an empty --data-dir and --join",
    );
  }
  const map = await firstMap(settings, deps);
  const added = toMember(map, deps.self);
  // In this order: who is a member has a map.
  await directory.writeMap(map);
  await directory.write({ ...identity, member: added });
  const { clusterId, number } = added;
  const nodes = map.nodes.length;
  deps.logger.info({ clusterId, number, nodes }, "the node belongs to a cluster from now on");
  return { member: added, map };
}

function firstMap({ peers, join }: EntrySettings, deps: MembershipDeps): Promise<ClusterMap> {
  if (join.length > 0) return joinCluster(join, deps);
  // Of a list of one it is the first map, too; there is nobody to wait for.
  if (peers.length > 0) return foundWithPeers(peers, deps);
  return Promise.resolve(foundAlone(deps));
}

function toMember({ clusterId, nodes }: ClusterMap, { joinToken, id }: Self): Membership {
  const own = nodes.find((node) => node.joinToken === joinToken);
  if (own === undefined) {
    throw new NodeError("NODE_CLUSTER_REFUSED", `cluster ${clusterId} does not know node ${id}`);
  }
  if (own.state === "left") throw hasLeft(id, clusterId);
  return { clusterId, number: own.number };
}

function hasLeft(id: string, clusterId: string): NodeError {
  return new NodeError(
    "NODE_CLUSTER_REFUSED",
    `node ${id} was taken out of cluster ${clusterId}: to take part again, start it with an empty --data-dir, another ` +
      "--node-id and --join",
  );
}
