/** What breaks below a host, as its callers are told: with a code and an outcome. */

import { isRaftError } from "../core/errors.js";
import { isRaftWalError, type RaftWalErrorCode } from "../wal/errors.js";
import { isRaftHostError, RaftHostError, type RaftHostErrorCode } from "./errors.js";

/** What a log wants for now, and may have later. */
const SHORTAGES: ReadonlyMap<RaftWalErrorCode, RaftHostErrorCode> = new Map([
  ["RAFT_WAL_DISK_FULL", "RAFT_HOST_NO_SPACE"],
  ["RAFT_WAL_INDEX_FULL", "RAFT_HOST_OVERLOADED"],
  ["RAFT_WAL_BACKLOG_FULL", "RAFT_HOST_OVERLOADED"],
] as const);

/** Waits for `work` on the log. @throws RaftHostError in the place of what the log throws */
export function onLog<Result>(work: Promise<Result>): Promise<Result> {
  return work.catch((error: unknown) => {
    if (isTyped(error)) throw error;
    const isOfWal = isRaftWalError(error);
    const code = (isOfWal ? SHORTAGES.get(error.code) : undefined) ?? "RAFT_HOST_LOG_FAILED";
    const outcome = isOfWal ? error.outcome : "unknown";
    const message = `the log: ${wordsOf(error)}`;
    throw new RaftHostError({ code, outcome, message }, { cause: error });
  });
}

/** Waits for `work` on the files of snapshots. @throws RaftHostError in the place of what it throws */
export function onFiles<Result>(work: Promise<Result>): Promise<Result> {
  return work.catch((error: unknown) => {
    if (isTyped(error)) throw error;
    const message = `the files of snapshots: ${wordsOf(error)}`;
    throw new RaftHostError({ code: "RAFT_HOST_FILES_FAILED", message }, { cause: error });
  });
}

/** Waits for `work` of a state machine. @throws RaftHostError in the place of what it throws */
export async function onMachine<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isTyped(error)) throw error;
    const message = `the state machine: ${wordsOf(error)}`;
    const init = { code: "RAFT_HOST_APPLY_FAILED", outcome: "unknown", message } as const;
    throw new RaftHostError(init, { cause: error });
  }
}

function isTyped(error: unknown): boolean {
  return isRaftHostError(error) || isRaftError(error);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
