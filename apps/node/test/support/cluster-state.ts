/** How a cluster of processes is, for trials that harm it. */
import type { TitanClient } from "@titan/client";
import { waitUntil } from "@titan/testkit";

const HEAL_TIMEOUT_MS = 60_000;
/** So many entries behind is caught up, under load. */
const MOST_LAG = 1_000;

/** Resolves when every shard is led and all its replicas answer and have caught up. */
export async function healed(admin: TitanClient): Promise<void> {
  const isHealed = async (): Promise<boolean> => {
    const { cluster } = await admin.status();
    const shards = cluster?.shards ?? [];
    const isWhole = shards.every(
      ({ leader, replicas }) =>
        leader !== undefined && replicas.every(({ reachable, lag }) => reachable && lag < MOST_LAG),
    );
    return shards.length > 0 && isWhole;
  };
  await waitUntil(() => isHealed().catch(() => false), {
    ...{ what: "the cluster to heal", timeoutMs: HEAL_TIMEOUT_MS },
  });
}

/** The id of the node that leads most shards. */
export async function busiestLeader(admin: TitanClient): Promise<string> {
  const { cluster } = await admin.status();
  const [most] = [...(cluster?.nodes ?? [])].toSorted((a, b) => b.leads - a.leads);
  if (most === undefined) throw new Error("no node is known");
  return most.nodeId;
}
