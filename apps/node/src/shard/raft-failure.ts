/** Turns what a Raft group throws into errors of the key-value layer. */
import { isRaftError, isRaftHostError, type ProposalOutcome } from "@titan/raft";
import { toKvError } from "../kv/engine-failure.js";
import { KvError, type KvErrorCode, type Outcome } from "../kv/kv-error.js";

type Meaning = readonly [code: KvErrorCode, message: string];

const NOT_LEADER: Meaning = ["NOT_LEADER", "another node leads the shard, or is about to"];
const NO_LEADER: Meaning = ["NO_LEADER", "the shard has no leader at the moment"];
const OVERLOADED: Meaning = ["OVERLOADED", "the shard has too much to do; nothing was done"];
const FAILED: Meaning = ["STORE_FAILED", "the shard has stopped on this node; its log says why"];
const CLOSED: Meaning = ["NOT_SERVING", "the shard's replica on this node is closed"];
const LOST_SIGHT: Meaning = ["NOT_LEADER", "the node lost the lead before the outcome was known"];

const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["RAFT_NOT_LEADER", NOT_LEADER],
  ["RAFT_NO_LEADER", NO_LEADER],
  ["RAFT_TRANSFER_IN_PROGRESS", NOT_LEADER],
  ["RAFT_REMOVED", NOT_LEADER],
  ["RAFT_BACKLOG_FULL", OVERLOADED],
  ["RAFT_READ_BACKLOG_FULL", OVERLOADED],
  ["RAFT_ENTRY_TOO_LARGE", ["BATCH_TOO_LARGE", "the write is larger than the shard's log takes"]],
  ["RAFT_HOST_OVERLOADED", OVERLOADED],
  [
    "RAFT_HOST_NO_SPACE",
    ["DISK_FULL", "no space is left on the node's disk: free some; reads go on"],
  ],
  ["RAFT_HOST_SUPERSEDED", NOT_LEADER],
  ["RAFT_HOST_LOST_SIGHT", LOST_SIGHT],
  ["RAFT_HOST_TIMEOUT", ["TIMED_OUT", "the shard did not answer in the time that was given"]],
  ["RAFT_HOST_GROUP_FAILED", FAILED],
  ["RAFT_HOST_LOG_FAILED", FAILED],
  ["RAFT_HOST_CLOSED", CLOSED],
  ["RAFT_HOST_UNKNOWN_GROUP", CLOSED],
]);

/**
 * The error to answer with; what is none that raft or the store throws on purpose comes back as it is.
 * @param leader who leads, as far as this node knows now
 */
export function toShardError(error: unknown, leader: number | undefined): unknown {
  if (!isRaftError(error) && !isRaftHostError(error)) return toKvError(error) ?? error;
  const meaning = MEANINGS.get(error.code);
  if (meaning === undefined) return error;
  const [code, message] = meaning;
  const named = (isRaftError(error) ? error.leader : undefined) ?? leader;
  const metadata =
    code === "NOT_LEADER" ? { leader: named === undefined ? "" : String(named) } : {};
  return new KvError(
    { code, message, metadata, outcome: toOutcome(error.outcome) },
    { cause: error },
  );
}

/** The refusal of a call that has to be made at the leader. */
export function notLeader(leader: number | undefined): KvError {
  if (leader === undefined) return new KvError({ code: "NO_LEADER", message: NO_LEADER[1] });
  return new KvError({
    code: "NOT_LEADER",
    message: NOT_LEADER[1],
    metadata: { leader: String(leader) },
  });
}

function toOutcome(outcome: ProposalOutcome): Outcome {
  return outcome === "not-applied" ? "not-applied" : "unknown";
}
