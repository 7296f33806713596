/** Opens all segments of a directory for reading and says which of them are not what they should be. */

import type { DamagedRegion } from "./damage.js";
import { toReadError } from "./errors.js";
import type { FileHandle, FileSystem } from "./ports.js";
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from "./segment-header.js";
import { SegmentReader } from "./segment-reader.js";

export type LogId = SegmentHeader["logId"];

export interface SegmentSet {
  /** Ascending by number. */
  readonly readers: readonly SegmentReader[];
  /** Files that cannot be read at all. */
  readonly broken: readonly DamagedRegion[];
  /** `undefined` when there is no segment with an intact header. */
  readonly logId: LogId | undefined;
}

/**
 * @param expectedId what the directory's identity says, when there is one
 * @throws RaftWalError `RAFT_WAL_READ_FAILED`, `RAFT_WAL_NEWER_FORMAT`
 */
export async function openSegments(
  fileSystem: FileSystem,
  directory: string,
  expectedId: LogId | undefined,
): Promise<SegmentSet> {
  const readers: SegmentReader[] = [];
  const broken: DamagedRegion[] = [];
  let logId = expectedId;
  try {
    const names = await fileSystem.list(directory);
    const numbers = names.map(segmentNumber).filter((number) => number !== undefined);
    for (const number of numbers.sort((a, b) => a - b)) {
      const opened = await openSegment(fileSystem, directory, number, logId);
      if (opened instanceof SegmentReader) {
        logId ??= opened.header.logId;
        readers.push(opened);
        const missing = opened.header.bytes - opened.fileBytes;
        if (missing > 0) broken.push(regionOf(opened, missing));
      } else broken.push(opened);
    }
  } catch (error) {
    await closeAll(readers);
    throw toReadError(error, directory);
  }
  return { readers, broken, logId };
}

export async function closeAll(readers: readonly SegmentReader[]): Promise<void> {
  for (const reader of readers) await reader.close();
}

async function openSegment(
  fileSystem: FileSystem,
  directory: string,
  number: number,
  logId: LogId | undefined,
): Promise<SegmentReader | DamagedRegion> {
  const path = fileSystem.join(directory, segmentName(number));
  const handle = await fileSystem.open(path, "read");
  try {
    const { header, fileBytes } = await readHeader(handle);
    const reason = typeof header === "string" ? header : identityProblem(header, number, logId);
    if (reason === undefined && typeof header !== "string") {
      return new SegmentReader({ header, fileBytes, handle, path });
    }
    await handle.close();
    return {
      segment: number,
      offset: 0,
      bytes: fileBytes,
      reason: reason ?? "header",
      groups: [],
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(handle: FileHandle) {
  const fileBytes = await handle.size();
  const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const count = await handle.read(buffer, 0);
  return { header: decodeSegmentHeader(buffer.subarray(0, count)), fileBytes };
}

function identityProblem(
  header: SegmentHeader,
  number: number,
  logId: LogId | undefined,
): string | undefined {
  if (header.number !== number) return `the file holds segment ${header.number}`;
  const isOurs =
    logId === undefined || (header.logId[0] === logId[0] && header.logId[1] === logId[1]);
  return isOurs ? undefined : "the file belongs to another log";
}

function regionOf(reader: SegmentReader, missing: number): DamagedRegion {
  return {
    segment: reader.number,
    offset: reader.fileBytes,
    bytes: missing,
    reason: "the file is cut short",
    groups: [],
  };
}
