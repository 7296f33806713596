/** How a local cluster is, in one line. */
import { ClusterServiceDefinition, type GetStatusResponse } from "@titan/proto";
import { createChannel, createClient } from "nice-grpc";

const ASK_MS = 1_000;
const TIMEOUT_MS = 2_000;

/** Asks one node after the other until one answers. @throws when none does */
async function askAny(addresses: readonly string[]): Promise<GetStatusResponse> {
  let failure: unknown = new Error("no node runs");
  for (const address of addresses) {
    const channel = createChannel(address, undefined, { "grpc.enable_channelz": 0 });
    try {
      const client = createClient(ClusterServiceDefinition, channel);
      return await client.getStatus({}, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (error) {
      failure = error;
    } finally {
      channel.close();
    }
  }
  throw failure;
}

/** `3/3 nodes up | 16/16 shards led | n1 6, n2 5, n3 5 | 12 keys`. */
export function statusLine({ cluster }: GetStatusResponse): string {
  if (cluster === undefined) return "the cluster is being founded";
  const { nodes, shards, balancer, balancerPaused, divergent } = cluster;
  const up = nodes.filter(({ reachable }) => reachable);
  const led = shards.filter(({ leader }) => leader > 0).length;
  const moving = shards.filter(({ movingTo, movingFrom }) => movingTo + movingFrom > 0).length;
  const keys = shards.reduce((sum, shard) => sum + shard.keys, 0);
  const leads = up.map(({ node, leads: count }) => `${node?.nodeId ?? "?"} ${count}`).join(", ");
  return [
    `${up.length}/${nodes.length} nodes up`,
    `${led}/${shards.length} shards led`,
    leads,
    `${keys} keys`,
    ...(moving > 0 ? [`${moving} moving`] : []),
    ...(balancerPaused ? ["balancer paused"] : []),
    ...(divergent.length > 0 ? [`${divergent.length} replicas DIFFER`] : []),
    ...(moving > 0 && balancer !== "" ? [balancer] : []),
  ].join(" | ");
}

/**
 * Shows the status again and again.
 * @returns what ends that
 */
export function watchStatus(
  addresses: readonly string[],
  show: (line: string) => void,
): () => void {
  let isEnded = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const line = await askAny(addresses).then(statusLine, () => "no node answers");
    if (isEnded) return;
    show(line);
    timer = setTimeout(() => void look(), ASK_MS);
  };
  void look();
  return () => {
    isEnded = true;
    clearTimeout(timer);
  };
}
