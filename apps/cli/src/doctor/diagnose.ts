/**
 * From what endpoints answered to what is to be done. Pure.
 *
 * Each answer is a node's own state (disk, load) and the cluster as that node sees it. What nodes
 * see may differ: who reaches whom is taken from all of them, all else from the best view, which is
 * that of the node that reaches most others and, of those, has the newest map. A node that is cut
 * off thus does not speak for the rest.
 */
import type { StatusAnswer } from "../server-report.js";
import { checkBalancer, checkEvenness } from "./balance-checks.js";
import {
  checkClusters,
  checkCoverage,
  checkDisks,
  checkEndpoints,
  checkLoad,
} from "./endpoint-checks.js";
import type { Finding, Severity, View } from "./finding.js";
import {
  checkClocks,
  checkLeaving,
  checkMaps,
  checkMetaLeader,
  checkNodes,
  checkVersions,
} from "./node-checks.js";
import { checkDivergence, checkLag, checkLeaders, checkReplicas } from "./shard-checks.js";

export interface Diagnosis {
  /** Problems first, then warnings. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<Severity, number>>;
}

const ORDER: readonly Severity[] = ["problem", "warning", "ok"];

/** @param answers of all endpoints that were named */
export function diagnose(answers: readonly StatusAnswer[]): Diagnosis {
  const views = answers.flatMap((answer): View[] => {
    if (answer.kind === "no-status" || answer.status.cluster === undefined) return [];
    return [{ ...answer.status, cluster: answer.status.cluster }];
  });
  const nodes = answers.flatMap((answer) => (answer.kind === "status" ? [answer.status] : []));
  const found = [
    ...checkEndpoints(answers, views),
    ...checkClusters(nodes),
    ...checkDisks(nodes),
    ...checkLoad(nodes),
    ...checkCluster(views),
  ];
  const findings = ORDER.flatMap((severity) => found.filter((one) => one.severity === severity));
  const countOf = (severity: Severity): number =>
    findings.filter((one) => one.severity === severity).length;
  const counts = { problem: countOf("problem"), warning: countOf("warning"), ok: countOf("ok") };
  return { findings, counts };
}

function checkCluster(all: readonly View[]): readonly Finding[] {
  const best = bestOf(all);
  if (best === undefined) return [];
  const { cluster } = best;
  const views = all.filter((view) => view.cluster.clusterId === cluster.clusterId);
  return [
    ...checkCoverage(views, cluster),
    ...checkNodes(views, cluster),
    ...checkMaps(views),
    ...checkMetaLeader(cluster),
    ...checkLeaving(cluster),
    ...checkVersions(cluster),
    ...checkClocks(cluster),
    ...checkLeaders(cluster),
    ...checkReplicas(cluster),
    ...checkLag(cluster),
    ...checkDivergence(cluster),
    ...checkBalancer(cluster),
    ...checkEvenness(cluster),
  ];
}

function bestOf(views: readonly View[]): View | undefined {
  const reached = ({ cluster }: View): number =>
    cluster.nodes.filter(({ reachable }) => reachable).length;
  return views.toSorted((a, b) => reached(b) - reached(a) || b.cluster.epoch - a.cluster.epoch)[0];
}
