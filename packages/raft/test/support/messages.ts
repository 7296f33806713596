/** Short ways to write messages in tests. Plain numbers in, branded messages out. */

import {
  type AppendRequest,
  type AppendResponse,
  type ConfigState,
  type Entry,
  foundingConfig,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type LogPosition,
  type PeerMessage,
  type SnapshotRequest,
  type TimeoutNow,
  toLogIndex,
  toNodeId,
  toTerm,
  type VoteRequest,
  type VoteResponse,
} from "../../src/core/index.js";

interface Head {
  readonly from: number;
  readonly to: number;
  readonly term: number;
}

export function at(term: number, index: number): LogPosition {
  return { term: toTerm(term), index: toLogIndex(index) };
}

function head({ from, to, term }: Head): {
  from: ReturnType<typeof toNodeId>;
  to: ReturnType<typeof toNodeId>;
  term: ReturnType<typeof toTerm>;
} {
  return { from: toNodeId(from), to: toNodeId(to), term: toTerm(term) };
}

export function voteRequest(
  init: Head & { last?: LogPosition; isTransfer?: boolean; priority?: number; isPreVote?: boolean },
): VoteRequest {
  return {
    type: init.isPreVote ? "pre-vote-request" : "vote-request",
    ...head(init),
    last: init.last ?? at(0, 0),
    isTransfer: init.isTransfer ?? false,
    priority: init.priority ?? 0,
  };
}

export function voteResponse(init: Head & { granted: boolean; isPreVote?: boolean }): VoteResponse {
  const type = init.isPreVote ? "pre-vote-response" : "vote-response";
  return { type, ...head(init), granted: init.granted };
}

export function appendRequest(
  init: Head & { previous?: LogPosition; entries?: readonly Entry[]; commit?: number },
): AppendRequest {
  return {
    type: "append-request",
    ...head(init),
    previous: init.previous ?? at(0, 0),
    entries: init.entries ?? [],
    commit: toLogIndex(init.commit ?? 0),
  };
}

export function appendResponse(init: Head & { index: number; hint?: LogPosition }): AppendResponse {
  const base = { type: "append-response", ...head(init), index: toLogIndex(init.index) } as const;
  return init.hint === undefined ? base : { ...base, rejectedHint: init.hint };
}

export function heartbeat(
  init: Head & { commit?: number; readPosition?: number },
): HeartbeatRequest {
  const { commit = 0, readPosition = 0 } = init;
  return { type: "heartbeat-request", ...head(init), commit: toLogIndex(commit), readPosition };
}

export function heartbeatResponse(init: Head & { readPosition?: number }): HeartbeatResponse {
  return { type: "heartbeat-response", ...head(init), readPosition: init.readPosition ?? 0 };
}

export function snapshotRequest(
  init: Head & { at: LogPosition; config?: ConfigState; voters?: readonly number[] },
): SnapshotRequest {
  const config = init.config ?? foundingConfig({ voters: init.voters ?? [1, 2, 3] });
  const snapshot = { meta: { ...init.at, config }, data: new Uint8Array([1]) };
  return { type: "snapshot-request", ...head(init), snapshot };
}

export function timeoutNow(init: Head): TimeoutNow {
  return { type: "timeout-now", ...head(init) };
}

/** Those of one type. */
export function ofType<T extends PeerMessage["type"]>(
  messages: readonly PeerMessage[],
  type: T,
): Extract<PeerMessage, { readonly type: T }>[] {
  return messages.filter(
    (message): message is Extract<PeerMessage, { readonly type: T }> => message.type === type,
  );
}
