/** Why data on disk does not open, in the words of the node: what it means, and what to do. */
import { isBitcaskError } from "@titan/bitcask";
import { isRaftHostError } from "@titan/raft";
import { isRaftWalError } from "@titan/raft/wal";
import { NodeError, type NodeErrorCode } from "./node-error.js";

const ELSEWHERE = "or choose another --data-dir";
const NEWER = `run a newer titan-node, ${ELSEWHERE}`;
const RIGHTS = `give this user the right to read and write it, ${ELSEWHERE}`;
const SPACE = `free space on its disk, ${ELSEWHERE}`;
const CHECK = `check the path and the disk, ${ELSEWHERE}`;
const REPLACE =
  "nothing was changed. If the node belongs to a cluster with others, replace it: take it out (titan leave) and " +
  "start it with an empty --data-dir and --join; if it is alone, restore the directory from a copy";

const HINTS: ReadonlyMap<string, readonly [NodeErrorCode, string]> = new Map([
  ["BITCASK_LOCKED", ["NODE_DATA_IN_USE", ELSEWHERE]],
  ["BITCASK_CORRUPT", ["NODE_DATA_DAMAGED", REPLACE]],
  ["BITCASK_NEWER_FORMAT", ["NODE_DATA_NEWER", NEWER]],
  ["BITCASK_ACCESS_DENIED", ["NODE_DISK", RIGHTS]],
  ["BITCASK_DISK_FULL", ["NODE_DISK", SPACE]],
  ["BITCASK_TOO_MANY_FILES", ["NODE_DISK", "raise the limit of open files (ulimit -n)"]],
  ["BITCASK_WRITE_FAILED", ["NODE_DISK", "check the disk"]],
  ["BITCASK_SYNC_FAILED", ["NODE_DISK", "check the disk"]],
  ["BITCASK_READ_FAILED", ["NODE_DISK", CHECK]],
  ["RAFT_WAL_LOCKED", ["NODE_DATA_IN_USE", ELSEWHERE]],
  ["RAFT_WAL_DAMAGED", ["NODE_DATA_DAMAGED", REPLACE]],
  ["RAFT_WAL_NEWER_FORMAT", ["NODE_DATA_NEWER", NEWER]],
  ["RAFT_WAL_READ_FAILED", ["NODE_DISK", CHECK]],
  ["RAFT_WAL_WRITE_FAILED", ["NODE_DISK", `${CHECK}, and ${RIGHTS}`]],
  ["RAFT_WAL_SYNC_FAILED", ["NODE_DISK", "check the disk"]],
  ["RAFT_WAL_DISK_FULL", ["NODE_DISK", SPACE]],
  ["RAFT_HOST_STATE_MISMATCH", ["NODE_DATA_DAMAGED", REPLACE]],
  ["RAFT_HOST_SNAPSHOT_DAMAGED", ["NODE_DATA_DAMAGED", REPLACE]],
]);
const DISK_HINTS: ReadonlyMap<string, string> = new Map([
  ["EACCES", RIGHTS],
  ["EPERM", RIGHTS],
  ["EROFS", RIGHTS],
  ["ENOSPC", SPACE],
  ["EDQUOT", SPACE],
  ["EMFILE", "raise the limit of open files (ulimit -n)"],
  ["ENFILE", "raise the limit of open files (ulimit -n)"],
  ["EIO", "check the disk"],
  ["ENOTDIR", CHECK],
  ["EISDIR", CHECK],
  ["ENOENT", CHECK],
  ["EEXIST", CHECK],
]);

/** `undefined` for what is no trouble of disk and data. */
export function toNodeError(error: unknown, dataDir: string): NodeError | undefined {
  if (error instanceof NodeError) return error;
  if (!(error instanceof Error)) return undefined;
  const hint = hintOf(error);
  if (hint === undefined) return undefined;
  const [code, advice] = hint;
  const message = `data directory ${dataDir}: ${error.message}; ${advice}`;
  return new NodeError(code, message, { cause: error });
}

function hintOf(error: Error): readonly [NodeErrorCode, string] | undefined {
  if (isBitcaskError(error) || isRaftWalError(error)) return HINTS.get(error.code);
  if (isRaftHostError(error)) {
    // What the host says of a state machine, a log or a file rests on what that said itself.
    return (
      HINTS.get(error.code) ?? (error.cause instanceof Error ? hintOf(error.cause) : undefined)
    );
  }
  const advice = "code" in error ? DISK_HINTS.get(String(error.code)) : undefined;
  return advice === undefined ? undefined : ["NODE_DISK", advice];
}
