/** Changes of a shard's members, made at its leader: on this node, or asked of a peer in JSON. */
import { isRaftError, type MemberChange, toNodeId } from "@titan/raft";
import { z } from "zod";
import { KvError } from "../kv/kv-error.js";
import type { PeerCalls } from "../peer/peer-calls.js";
import type { OpenShardReplica } from "../shard/open-shard-replica.js";
import { notLeader, toShardError } from "../shard/raft-failure.js";
import type { CallLimits } from "../shard/shard-replica.js";

const node = z.int().min(1);
const changeSchema = z.object({
  shard: z.int().min(0),
  /** To be given a vote. */
  addVoter: node.optional(),
  addLearner: node.optional(),
  remove: node.optional(),
});

export type ReplicaChange = z.infer<typeof changeSchema>;

interface Replicas {
  replica(shard: number): OpenShardReplica | undefined;
}

/** Serves peers from now on. To be called before the first call can come. */
export function serveReplicaChanges(calls: PeerCalls, replicas: Replicas): void {
  calls.serve("changeReplicas", async (_from, body, limits) => {
    await changeReplicas(replicas, parse(changeSchema, body), limits);
    return NOTHING;
  });
}

/**
 * Changes the members of a shard that this node leads; several at once through a joint configuration.
 * @throws KvError
 */
export async function changeReplicas(
  replicas: Replicas,
  { shard, addVoter, addLearner, remove }: ReplicaChange,
  limits: CallLimits,
): Promise<void> {
  const { group } = leading(replicas, shard);
  const changes: MemberChange[] = [];
  if (addLearner !== undefined) {
    changes.push({ operation: "add-learner", node: toNodeId(addLearner) });
  }
  if (addVoter !== undefined) changes.push({ operation: "add-voter", node: toNodeId(addVoter) });
  if (remove !== undefined) changes.push({ operation: "remove", node: toNodeId(remove) });
  const { changedAt } = group.status().config;
  try {
    const { timeoutMs } = limits;
    await group.changeConfig(
      { transition: "auto", changes },
      { timeoutMs, ifChangedAt: changedAt },
    );
  } catch (error) {
    throw refusal(error) ?? toShardError(error, group.leader);
  }
}

export function encodeReplicaChange(body: ReplicaChange): Uint8Array {
  return Buffer.from(JSON.stringify(body));
}

/** A refusal by the group's own rules: another change is under way, or a learner has not caught up yet. */
function refusal(error: unknown): KvError | undefined {
  if (!isRaftError(error) || error.code !== "RAFT_CONFIG_CHANGE_REFUSED") return undefined;
  return new KvError({ code: "CLUSTER_STATE", message: error.message }, { cause: error });
}

function leading(replicas: Replicas, shard: number): OpenShardReplica {
  const replica = replicas.replica(shard);
  if (replica === undefined) throw notLeader(undefined);
  if (!replica.isLeader) throw notLeader(replica.leader);
  return replica;
}

function parse<Schema extends z.ZodType>(schema: Schema, body: Uint8Array): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(Buffer.from(body).toString("utf8")));
  } catch (error) {
    const message = "not a call that this version knows";
    throw new KvError({ code: "FIELD_INVALID", message }, { cause: error });
  }
}

const NOTHING = new Uint8Array(0);
