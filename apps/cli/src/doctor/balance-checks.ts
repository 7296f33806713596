/** Whether the cluster keeps itself in order. */
import type { ClusterStatus } from "@titan/client";
import { type Finding, ok, warning } from "./finding.js";

/**
 * A node's leaders may be off its share by this part of it, and by one more, before it is worth a
 * word.
 */
const UNEVEN_SHARE = 0.5;

export function checkBalancer({ balancer, metaLeader }: ClusterStatus): readonly Finding[] {
  if (balancer.paused) {
    return [
      warning(
        "balancer",
        "The balancer is paused: lost replicas are not made anew, and nothing is evened out.",
        "Once the work is done for which it was paused: `titan balancer resume`.",
      ),
    ];
  }
  if (balancer.activity !== "")
    return [ok("balancer", `The balancer is on: ${balancer.activity}.`)];
  // Without a leader of its group there is no one who could tell; that is a finding of its own.
  if (metaLeader === undefined) return [];
  return [
    warning(
      "balancer",
      "The node that runs the balancer did not say what it does.",
      "Look again in a moment; if it stays so, look at the log of the node that leads the cluster map's group.",
    ),
  ];
}

/**
 * Leaders do the work of writes and linearizable reads. Each node should have as many as its weight
 * says.
 */
export function checkEvenness({ nodes, shards, balancer }: ClusterStatus): readonly Finding[] {
  const able = nodes.filter(({ reachable, state }) => reachable && state === "active");
  if (able.length < 2) return [];
  const weights = able.reduce((sum, { weight }) => sum + weight, 0);
  const leads = able.map(({ nodeId, weight }) => {
    const count = shards.filter(({ leader }) => leader === nodeId).length;
    return { nodeId, count, share: (shards.length * weight) / weights };
  });
  const shown = leads.map(({ nodeId, count }) => `${nodeId} ${count}`).join(", ");
  const isUneven = leads.some(
    ({ count, share }) => Math.abs(count - share) > share * UNEVEN_SHARE + 1,
  );
  if (!isUneven) return [ok("even-leaders", `Leaders are spread evenly: ${shown}.`)];
  return [
    warning(
      "even-leaders",
      `Leaders are spread unevenly (${shown}), and with them the load.`,
      balancer.paused
        ? "The balancer would even them out: `titan balancer resume`."
        : "The balancer evens them out within minutes; if it does not, `titan status` says what it waits for.",
    ),
  ];
}
