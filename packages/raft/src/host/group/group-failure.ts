/** What callers of a group that has stopped are told. */

import { isRaftError } from "../../core/errors.js";
import { isRaftHostError, RaftHostError } from "../errors.js";

const REPLACE =
  "remove this node from the group and add a new one, with a node id never used before" +
  " (docs/raft-operations.md)";

export function toGroupFailure(group: number, cause: unknown): RaftHostError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const stopped = `group ${group} has stopped: ${words}`;
  if (isRaftError(cause) && cause.reason === "acknowledged-lost") {
    const message = `${stopped}; ${REPLACE}`;
    return new RaftHostError({ code: "RAFT_HOST_STATE_LOST", message }, { cause });
  }
  const isOfLog = isRaftHostError(cause) && cause.code === "RAFT_HOST_LOG_FAILED";
  const code = isOfLog ? "RAFT_HOST_LOG_FAILED" : "RAFT_HOST_GROUP_FAILED";
  return new RaftHostError({ code, message: stopped }, { cause });
}
