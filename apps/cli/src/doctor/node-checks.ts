/** Whether the nodes of a cluster are there, reach each other, and agree. */
import type { ClusterStatus } from "@titan/client";
import {
  type Finding,
  listed,
  ok,
  orFine,
  problem,
  sentence,
  type View,
  warning,
} from "./finding.js";

type Node = ClusterStatus["nodes"][number];

/** Times to live are off by about as much on a shard whose leader's clock is. */
const CLOCK_OFF_MS = 500;
const CLOCK_FAR_OFF_MS = 5_000;

/** @param views of all nodes that answered: one may reach a node that another does not */
export function checkNodes(
  views: readonly View[],
  { nodes, metaLeader }: ClusterStatus,
): readonly Finding[] {
  const found = nodes.flatMap((node) => checkNode(node, views, metaLeader !== undefined));
  const asked = listed(views.map(({ nodeId }) => nodeId));
  const fine =
    nodes.length === 1
      ? `The cluster has one node, ${asked}.`
      : `All ${nodes.length} nodes are up, as ${asked} ${views.length === 1 ? "sees" : "see"} it.`;
  return orFine(found, ok("nodes", fine));
}

function checkNode(
  { nodeId, raftAddr }: Node,
  views: readonly View[],
  canReplace: boolean,
): readonly Finding[] {
  const seenBy = ({ cluster }: View): Node | undefined =>
    cluster.nodes.find((node) => node.nodeId === nodeId);
  // A node whose map is old may not know it yet.
  const others = views.filter((view) => view.nodeId !== nodeId && seenBy(view) !== undefined);
  const reaches = (view: View): boolean => seenBy(view)?.reachable === true;
  const near = others.filter(reaches).map((view) => view.nodeId);
  const far = others.filter((view) => !reaches(view)).map((view) => view.nodeId);
  if (far.length === 0) return [];
  if (near.length > 0) {
    const meaning = `${listed(near)} ${near.length === 1 ? "reaches" : "reach"} ${nodeId}, but ${listed(far)} not.`;
    const advice = `Look at the network between ${listed(far)} and ${raftAddr}.`;
    return [problem("nodes", meaning, advice)];
  }
  if (views.some((view) => view.nodeId === nodeId)) {
    const meaning = `${nodeId} runs, but ${listed(far)} cannot reach it: it is cut off.`;
    const advice =
      `Look at the network to ${raftAddr}, and whether --advertise-raft-addr of that node names ` +
      "what others can reach.";
    return [problem("nodes", meaning, advice)];
  }
  return [
    problem(
      "nodes",
      `${nodeId} is down: its replicas neither vote nor answer.`,
      // Without a majority nobody can leave, and its data may be the last there is.
      `Start it again; its log says why it ended.${canReplace ? replacing(nodeId) : ""}`,
    ),
  ];
}

function replacing(nodeId: string): string {
  return (
    ` If it is gone for good: \`titan leave ${nodeId}\`, then start a new node with another id, an empty ` +
    "directory and --join."
  );
}

/** Nodes that lag behind with the map. */
export function checkMaps(views: readonly View[]): readonly Finding[] {
  const newest = Math.max(...views.map(({ cluster }) => cluster.epoch));
  return views
    .filter(({ cluster }) => cluster.epoch < newest)
    .map(({ nodeId, cluster }) =>
      warning(
        "map",
        `${nodeId} lags: it has the cluster map of epoch ${cluster.epoch}, the newest is ${newest}.`,
        "Look again in a moment; if it stays so, look at that node's log and its connection to the others.",
      ),
    );
}

export function checkMetaLeader({ metaLeader }: ClusterStatus): readonly Finding[] {
  if (metaLeader !== undefined) {
    return [ok("meta-leader", `${metaLeader} leads the group that keeps the cluster map.`)];
  }
  return [
    problem(
      "meta-leader",
      "Nobody leads the group that keeps the cluster map: no node can join or leave, and nothing is moved.",
      "It takes a majority of the nodes: start those that are down. An election takes about a second.",
    ),
  ];
}

export function checkLeaving({ nodes }: ClusterStatus): readonly Finding[] {
  return nodes
    .filter(({ state }) => state === "draining")
    .map(({ nodeId, replicas }) =>
      warning(
        "leaving",
        `${nodeId} is leaving the cluster; ${replicas} of its replicas have to move away yet.`,
        `Leave it running until it ends by itself, or have it stay: \`titan leave ${nodeId} --cancel\`.`,
      ),
    );
}

export function checkVersions({ nodes }: ClusterStatus): readonly Finding[] {
  const known = nodes.filter(({ reachable, version }) => reachable && version !== "");
  const versions = [...new Set(known.map(({ version }) => version))];
  if (versions.length === 0) return [];
  if (versions.length === 1) {
    return [ok("versions", `All nodes that are up run version ${versions[0] ?? ""}.`)];
  }
  const runs = versions.map((version) => {
    const own = known.filter((node) => node.version === version).map(({ nodeId }) => nodeId);
    return `${listed(own)} ${own.length === 1 ? "runs" : "run"} ${version}`;
  });
  const meaning = `The nodes are of different versions: ${runs.join("; ")}.`;
  const advice = "Fine during an upgrade: finish it, one node after the other.";
  return [warning("versions", meaning, advice)];
}

/** Clocks are compared with the one in the middle, as the cluster does. */
export function checkClocks({ nodes }: ClusterStatus): readonly Finding[] {
  const known = nodes.filter(({ reachable }) => reachable);
  if (known.length < 2) return [];
  const sorted = known.map(({ clockOffsetMs }) => clockOffsetMs).toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const found = known.flatMap(({ nodeId, clockOffsetMs }) => {
    const offMs = clockOffsetMs - middle;
    if (Math.abs(offMs) <= CLOCK_OFF_MS) return [];
    const how = `${Math.abs(offMs)} ms ${offMs > 0 ? "ahead of" : "behind"} the others`;
    const meaning = `The clock of ${nodeId} is ${how}: times to live may be off by as much.`;
    const judge = Math.abs(offMs) > CLOCK_FAR_OFF_MS ? problem : warning;
    return [judge("clocks", meaning, "Have that machine set its clock by NTP.")];
  });
  const apart = Math.max(...sorted) - Math.min(...sorted);
  return orFine(found, ok("clocks", sentence(`clocks differ by ${apart} ms at most.`)));
}
