/**
 * Lets the replica that should lead a shard do so from the start: it campaigns as soon as it can win, rather than
 * wait for whoever's patience ends first. Elections decide as ever.
 */
import type { Clock } from "@titan/bitcask";
import type { PeerCalls } from "../peer/peer-calls.js";
import type { OpenShardReplica } from "../shard/open-shard-replica.js";
import type { MapView } from "./map-source.js";

const LOOK_MS = 50;
/** By then somebody's election timeout has passed anyway. */
const LOOKS = 10;

export function leadWhenPreferred(
  replica: OpenShardReplica,
  deps: {
    readonly self: number;
    readonly map: MapView;
    readonly calls: Pick<PeerCalls, "isReachable">;
    readonly clock: Clock;
  },
): void {
  const { self, map, calls, clock } = deps;
  let looks = 0;
  const look = (): void => {
    const replicas = map.current.shards[replica.shard]?.replicas ?? [];
    if (replicas[0] !== self || replica.leader !== undefined) return;
    const reachable = replicas.filter((node) => node === self || calls.isReachable(node));
    looks += 1;
    if (reachable.length * 2 > replicas.length && !tryCampaign(replica)) return;
    if (looks < LOOKS && replica.leader === undefined) clock.schedule(LOOK_MS, look);
  };
  look();
}

/** @returns false for a replica that has been closed */
function tryCampaign({ group }: OpenShardReplica): boolean {
  try {
    group.campaign();
    return true;
  } catch {
    return false;
  }
}
