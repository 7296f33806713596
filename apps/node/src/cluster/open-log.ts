/** Opens the log of all groups. */
import { RaftWal } from "@titan/raft/wal";
import type { Logger } from "../logger.js";
import type { StorePorts } from "../store-ports.js";
import type { NodeDirectory } from "./node-identity.js";

const MIB = 1024 * 1024;
/** A segment takes four batches, and a batch the largest entry with room to spare. */
const LEAST_SEGMENT_BYTES = 16 * MIB;
const BATCHES_PER_SEGMENT = 4;
const BATCH_ROOM_BYTES = 64 * 1024;

/**
 * @param maxEntryBytes of the largest command
 * @throws RaftWalError
 */
export async function openLog(
  directory: NodeDirectory,
  maxEntryBytes: number,
  { ports, logger }: { readonly ports: StorePorts; readonly logger: Logger },
): Promise<RaftWal> {
  const wanted = BATCHES_PER_SEGMENT * (maxEntryBytes + BATCH_ROOM_BYTES);
  const segmentBytes = Math.max(LEAST_SEGMENT_BYTES, Math.ceil(wanted / MIB) * MIB);
  return RaftWal.open(directory.logPath, ports, {
    segmentBytes,
    observer: {
      onCollectFailed: (error) => logger.warn({ error }, "old parts of the log were not removed"),
    },
  });
}
