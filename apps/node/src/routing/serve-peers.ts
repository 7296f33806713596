/**
 * Answers the calls of peers about shards from the replicas of this node. What came by a call is never passed
 * on: where it cannot be answered, the peer is told who leads.
 */
import { KvError } from "../kv/kv-error.js";
import type { PeerCalls } from "../peer/peer-calls.js";
import type { ShardReplica } from "../shard/shard-replica.js";
import { MalformedBytes } from "../wire/byte-reader.js";
import type { ClusterView } from "./cluster-view.js";
import {
  decodeChangesCall,
  decodeProposal,
  decodeRead,
  decodeScan,
  encodeHistory,
  encodePage,
  encodeReadEntries,
} from "./peer-bodies.js";
import { noReplica } from "./shard-access.js";

/** To be called once, before the peers' transport starts. */
export function servePeers(
  peers: Pick<PeerCalls, "serve">,
  view: Pick<ClusterView, "replica">,
): void {
  const replicaOf = (shard: number): ShardReplica => {
    const replica = view.replica(shard);
    if (replica === undefined) throw noReplica(shard);
    return replica;
  };
  // Writes and reads look at no signal: what they do is short, and making one for each costs more.
  peers.serve("propose", async (_from, body, { timeoutMs }) => {
    const { shard, command } = checked(() => decodeProposal(body));
    const replica = replicaOf(shard);
    if (!replica.isLeader) throw notLeader(replica);
    return replica.propose(command, { timeoutMs });
  });
  peers.serve("read", async (_from, body, { timeoutMs }) => {
    const { shard, keyspace, keys, freshness } = checked(() => decodeRead(body));
    return encodeReadEntries(await replicaOf(shard).read(keyspace, keys, freshness, { timeoutMs }));
  });
  peers.serve("scan", async (_from, body, limits) => {
    const { shard, range, page, freshness } = checked(() => decodeScan(body));
    return encodePage(await replicaOf(shard).scan(range, page, freshness, limits));
  });
  peers.serve("changes", async (_from, body, limits) => {
    const { shard, from, waitMs } = checked(() => decodeChangesCall(body));
    return encodeHistory(await replicaOf(shard).changes(from, waitMs, limits));
  });
}

function notLeader({ shard, leader }: ShardReplica): KvError {
  return new KvError({
    code: "NOT_LEADER",
    message: `this node does not lead shard ${shard}`,
    metadata: { leader: leader === undefined ? "" : String(leader) },
  });
}

function checked<Call>(decode: () => Call): Call {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    const message = `a call that is none: ${error.message}`;
    throw new KvError({ code: "INTERNAL", message }, { cause: error });
  }
}
