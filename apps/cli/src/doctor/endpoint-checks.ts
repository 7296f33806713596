/** Whether endpoints answer, and what those that do say of themselves. */
import type { ClusterStatus, NodeStatus } from "@titan/client";
import { formatDuration } from "../duration.js";
import { formatCount, formatSize } from "../format.js";
import type { StatusAnswer } from "../server-report.js";
import { type Finding, listed, ok, orFine, problem, type View, warning } from "./finding.js";

const MIB = 1024 * 1024;
/** Below this a node refuses writes, unless --min-free-bytes says otherwise. */
const FULL_BYTES = 256 * MIB;
const SCARCE_BYTES = 1024 * MIB;
/** Share of the requests that a node takes at once, from which on more may soon be refused. */
const BUSY_SHARE = 0.8;

export function checkEndpoints(
  answers: readonly StatusAnswer[],
  views: readonly View[],
): readonly Finding[] {
  return answers.map((answer) => {
    if (answer.kind === "status") {
      const { nodeId, endpoint, version, uptimeMs } = answer.status;
      const details = `version ${version}, up for ${formatDuration(uptimeMs)}`;
      return ok("endpoint", `${nodeId} answers at ${endpoint} (${details}).`);
    }
    const { endpoint, failure } = answer;
    const meaning = `${endpoint} does not answer: ${failure.message}`;
    const node = knownAt(endpoint, views);
    if (node === undefined) {
      return problem("endpoint", meaning, failure.advice ?? "Look at that server and its log.");
    }
    return problem(
      "endpoint",
      meaning,
      node.reachable
        ? `The other nodes reach ${node.nodeId}, which lives there: look for a firewall between here and it.`
        : `It is the address of ${node.nodeId}: start that node again; its log says why it ended.`,
    );
  });
}

function knownAt(
  endpoint: string,
  views: readonly View[],
): ClusterStatus["nodes"][number] | undefined {
  const seen = views
    .flatMap(({ cluster }) => cluster.nodes)
    .filter(({ grpcAddr }) => grpcAddr === endpoint);
  return seen.find(({ reachable }) => reachable) ?? seen[0];
}

/** That all endpoints belong to a cluster, and to the same one. */
export function checkClusters(nodes: readonly NodeStatus[]): readonly Finding[] {
  const homeless = nodes
    .filter(({ cluster }) => cluster === undefined)
    .map(({ nodeId, endpoint }) =>
      problem(
        "cluster",
        `${nodeId} at ${endpoint} belongs to no cluster yet, and serves nothing.`,
        "It waits to be founded (--bootstrap, --peers) or admitted (--join): its log says which.",
      ),
    );
  const ids = [...new Set(nodes.flatMap(({ cluster }) => cluster?.clusterId ?? []))];
  if (ids.length <= 1) return homeless;
  const members = ids.map((id) => {
    const own = nodes.filter(({ cluster }) => cluster?.clusterId === id);
    return `${listed(own.map(({ endpoint }) => endpoint))} of ${id}`;
  });
  return [
    ...homeless,
    problem(
      "cluster",
      `The endpoints are of ${ids.length} clusters (${members.join("; ")}): a client would mix their data.`,
      "Name endpoints of one cluster only, here and in your programs.",
    ),
  ];
}

/** Nodes of which only others could tell something. */
export function checkCoverage(
  views: readonly View[],
  { nodes }: ClusterStatus,
): readonly Finding[] {
  const asked = new Set(views.map(({ nodeId }) => nodeId));
  const others = nodes.filter(({ nodeId, reachable }) => reachable && !asked.has(nodeId));
  if (others.length === 0) return [];
  const names = listed(others.map(({ nodeId }) => nodeId));
  return [
    ok(
      "coverage",
      `${names} ${others.length === 1 ? "was" : "were"} not asked, so disk and load there are not known here.`,
      `For a look at all nodes: --endpoint ${nodes.map(({ grpcAddr }) => grpcAddr).join(",")}`,
    ),
  ];
}

export function checkDisks(nodes: readonly NodeStatus[]): readonly Finding[] {
  const known = nodes.flatMap(({ nodeId, store }) =>
    store === undefined ? [] : [{ nodeId, free: store.diskFreeBytes }],
  );
  if (known.length === 0) return [];
  const found = known
    .filter(({ free }) => free < SCARCE_BYTES)
    .map(({ nodeId, free }) =>
      free < FULL_BYTES
        ? problem(
            "disk",
            `The disk of ${nodeId} is full (${formatSize(free)} free): it refuses writes, reads go on.`,
            "Free space there; the node goes on by itself.",
          )
        : warning(
            "disk",
            `The disk of ${nodeId} has only ${formatSize(free)} left; a full one refuses writes.`,
            "Free space there, or add a node so that data moves away.",
          ),
    );
  const rooms = known.map(({ nodeId, free }) => `${nodeId} ${formatSize(free)}`);
  return orFine(found, ok("disk", `There is room on disk: ${listed(rooms)} free.`));
}

export function checkLoad(nodes: readonly NodeStatus[]): readonly Finding[] {
  return nodes.flatMap(({ nodeId, requestsInFlight, limits }) => {
    const most = limits?.concurrentRequests;
    if (most === undefined || requestsInFlight < most * BUSY_SHARE) return [];
    return [
      warning(
        "requests",
        `${nodeId} has ${formatCount(requestsInFlight)} requests under way and refuses more than ` +
          `${formatCount(most)}.`,
        "Spread clients over the nodes, let them ask for less at once, or look for what makes it slow.",
      ),
    ];
  });
}
