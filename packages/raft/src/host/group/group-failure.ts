/** What callers of a group that has stopped are told. */

import { isRaftHostError, RaftHostError, type RaftHostErrorCode } from "../errors.js";

export function toGroupFailure(group: number, cause: unknown): RaftHostError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const message = `group ${group} has stopped: ${words}`;
  return new RaftHostError({ code: codeOf(cause), message }, { cause });
}

function codeOf(cause: unknown): RaftHostErrorCode {
  const isOfLog = isRaftHostError(cause) && cause.code === "RAFT_HOST_LOG_FAILED";
  return isOfLog ? "RAFT_HOST_LOG_FAILED" : "RAFT_HOST_GROUP_FAILED";
}
