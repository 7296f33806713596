/** When a node that has opened its part of the cluster may say that it serves. */
import type { Clock } from "@titan/bitcask";
import type { Cluster } from "./cluster/cluster.js";
import { NodeError } from "./node-error.js";

const LOOK_MS = 10;
/** Longer than elections take. Without a majority there is no leader to wait for, and stale reads can be served. */
const LONGEST_MS = 5_000;

/**
 * Resolves when this node's replicas are open and know their leaders, or after a while.
 * @throws NodeError `NODE_STOPPED` when the signal says so; of a node that is alone, what keeps a replica from opening
 */
export async function whenReady(
  cluster: Cluster,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const endMs = clock.monotonicMs() + LONGEST_MS;
  while (!isReady(cluster) && clock.monotonicMs() < endMs) {
    // Others would go on with their replicas; here there is nobody who has what this node has not.
    if (isAlone(cluster)) for (const failure of cluster.replicas.failures()) throw failure;
    if (signal.aborted) throw new NodeError("NODE_STOPPED", "the node was told to stop");
    await new Promise<void>((resolve) => {
      clock.schedule(LOOK_MS, resolve);
    });
  }
}

function isAlone({ map }: Cluster): boolean {
  return map.current.nodes.filter(({ state }) => state !== "left").length === 1;
}

function isReady({ replicas, meta }: Cluster): boolean {
  if (!replicas.isSettled || !meta.isFounded || meta.leader === undefined) return false;
  return replicas.replicas().every(({ leader }) => leader !== undefined);
}
