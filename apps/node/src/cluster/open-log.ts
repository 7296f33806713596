/** Opens the log of all groups, and says in the node's words why it does not open. */
import { isRaftWalError, RaftWal, type RaftWalErrorCode } from "@titan/raft/wal";
import type { StorePorts } from "../bitcask-engine.js";
import type { Logger } from "../logger.js";
import { NodeError, type NodeErrorCode } from "../node-error.js";
import type { NodeDirectory } from "./node-identity.js";

const MIB = 1024 * 1024;
/** A segment takes four batches, and a batch the largest entry with room to spare. */
const LEAST_SEGMENT_BYTES = 16 * MIB;
const BATCHES_PER_SEGMENT = 4;
const BATCH_ROOM_BYTES = 64 * 1024;

/**
 * @param maxEntryBytes of the largest command
 * @throws NodeError; what is none of its codes as it is
 */
export async function openLog(
  directory: NodeDirectory,
  maxEntryBytes: number,
  { ports, logger }: { readonly ports: StorePorts; readonly logger: Logger },
): Promise<RaftWal> {
  const wanted = BATCHES_PER_SEGMENT * (maxEntryBytes + BATCH_ROOM_BYTES);
  const segmentBytes = Math.max(LEAST_SEGMENT_BYTES, Math.ceil(wanted / MIB) * MIB);
  try {
    const log = await RaftWal.open(directory.logPath, ports, {
      segmentBytes,
      observer: {
        onCollectFailed: (error) => logger.warn({ error }, "old parts of the log were not removed"),
      },
    });
    return log;
  } catch (error) {
    throw toNodeError(error, directory.path) ?? error;
  }
}

const REPLACE =
  "nothing was changed. If the node was part of a cluster, replace it: take it out (titan leave) and start it with " +
  "an empty --data-dir and --join; if it was alone, restore the directory from a copy";
const HINTS: ReadonlyMap<RaftWalErrorCode, readonly [NodeErrorCode, string]> = new Map([
  ["RAFT_WAL_LOCKED", ["NODE_DATA_IN_USE", "or choose another --data-dir"]],
  ["RAFT_WAL_DAMAGED", ["NODE_DATA_DAMAGED", REPLACE]],
  ["RAFT_WAL_NEWER_FORMAT", ["NODE_DATA_NEWER", "run a newer titan-node"]],
  ["RAFT_WAL_READ_FAILED", ["NODE_DISK", "check the path and the disk"]],
  ["RAFT_WAL_WRITE_FAILED", ["NODE_DISK", "check the disk, and the right to write there"]],
  ["RAFT_WAL_SYNC_FAILED", ["NODE_DISK", "check the disk"]],
  ["RAFT_WAL_DISK_FULL", ["NODE_DISK", "free space on its disk"]],
]);
const DISK_CODES = /^(EACCES|EPERM|EROFS|ENOSPC|EDQUOT|ENOTDIR|EISDIR|EMFILE|EIO|ENOENT|EEXIST)$/;

/** `undefined` for what is no trouble of disk and data. */
export function toNodeError(error: unknown, dataDir: string): NodeError | undefined {
  if (error instanceof NodeError) return error;
  if (isRaftWalError(error)) {
    const hint = HINTS.get(error.code);
    if (hint === undefined) return undefined;
    const [code, advice] = hint;
    const message = `data directory ${dataDir}: ${error.message}; ${advice}`;
    return new NodeError(code, message, { cause: error });
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!DISK_CODES.test(code)) return undefined;
  const { message } = error as Error;
  return new NodeError(
    "NODE_DISK",
    `data directory ${dataDir}: ${message}; give this user the right to read and write it, free space on its ` +
      "disk, or choose another --data-dir",
    { cause: error },
  );
}
