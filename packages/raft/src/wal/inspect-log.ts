/** Reads a log without opening it: to verify what is there, and to show it. Takes no lock. */

import type { DamageReport } from "./damage.js";
import { EntryCache } from "./entry-cache.js";
import { RaftWalError, toReadError } from "./errors.js";
import type { GroupLog } from "./group-log.js";
import { LiveBytes } from "./live-bytes.js";
import { readIdentity } from "./log-identity.js";
import { type OnFrame, type ScanResult, scanLog } from "./log-scanner.js";
import type { FileSystem } from "./ports.js";
import type { WalRecord } from "./record.js";
import { findLost, replayInto } from "./recovery.js";
import type { ReadFrame } from "./segment-reader.js";
import { closeAll, openSegments } from "./segment-set.js";

/** What a log holds, and what is wrong with it. */
export interface VerifyReport {
  readonly isIntact: boolean;
  readonly damage: DamageReport;
  readonly firstSegment: number;
  readonly segments: number;
  readonly frames: number;
  readonly records: number;
  readonly groups: number;
  readonly entries: number;
  /** Of records that are still needed. */
  readonly liveBytes: number;
  /** After the last whole frame: what the next open will cut. */
  readonly tornBytes: number;
}

/** One record and where it stands. */
export interface DumpedRecord {
  readonly segment: number;
  readonly offset: number;
  /** Sequence number of its frame. */
  readonly frame: number;
  /** Valid until the callback has settled. */
  readonly record: WalRecord;
}

/**
 * Checks every checksum and that no entry is missing. Memory grows with the index, not with the data.
 * The log may be open elsewhere; its end may then look torn.
 * @throws RaftWalError `RAFT_WAL_READ_FAILED`, `RAFT_WAL_NEWER_FORMAT`
 */
export async function verifyWal(fileSystem: FileSystem, directory: string): Promise<VerifyReport> {
  const groups = new Map<number, GroupLog>();
  const live = new LiveBytes();
  const replay = replayInto(groups, {
    live,
    cache: new EntryCache(0),
    source: { read: () => [] },
    onIndexBytes: () => undefined,
  });
  let records = 0;
  const onFrame: OnFrame = (segment, frame) => {
    records += frame.records.length;
    return replay.onFrame(segment, frame);
  };
  const restart = () => {
    records = 0;
    replay.restart();
  };
  const { scan, segments } = await scanDirectory(fileSystem, directory, onFrame, restart);
  const damage = { regions: scan.regions, lost: findLost(scan, groups) };
  const isIntact = damage.regions.length + damage.lost.length === 0 && scan.tail !== undefined;
  let entries = 0;
  for (const log of groups.values()) entries += log.index.count;
  return {
    isIntact,
    damage,
    firstSegment: scan.firstSegment,
    segments,
    frames: scan.frames,
    records,
    groups: groups.size,
    entries,
    liveBytes: live.total,
    tornBytes: scan.tail === undefined ? 0 : scan.tail.contentEnd - scan.tail.offset,
  };
}

/**
 * Hands out every readable record in the order of writing, live or not, and skips damage.
 * @throws RaftWalError as {@link verifyWal}
 */
export async function dumpWal(
  fileSystem: FileSystem,
  directory: string,
  onRecord: (item: DumpedRecord) => void | Promise<void>,
): Promise<void> {
  await scanDirectory(fileSystem, directory, async (segment, frame) => {
    for (const item of recordsOf(segment, frame)) await onRecord(item);
    return undefined;
  });
}

async function scanDirectory(
  fileSystem: FileSystem,
  directory: string,
  onFrame: OnFrame,
  restart?: () => void,
): Promise<{ readonly scan: ScanResult; readonly segments: number }> {
  try {
    const identity = await readIdentity(fileSystem, directory);
    const set = await openSegments(fileSystem, directory, identity);
    try {
      const segments = set.readers.length + set.broken.length;
      if (segments === 0) throw noLog(directory);
      return { scan: await scanLog(set, onFrame, restart), segments };
    } finally {
      await closeAll(set.readers);
    }
  } catch (error) {
    throw toReadError(error, directory);
  }
}

function* recordsOf(segment: number, frame: ReadFrame): Generator<DumpedRecord> {
  for (const { record, offset } of frame.records) {
    yield { segment, offset: frame.offset + offset, frame: frame.header.sequence, record };
  }
}

function noLog(directory: string): RaftWalError {
  const message = `${directory} holds no segments`;
  return new RaftWalError({ code: "RAFT_WAL_READ_FAILED", message });
}
