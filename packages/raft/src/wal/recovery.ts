/**
 * Opens a directory: reads the log, judges it, cuts a torn tail, and makes durable all that it found
 * before anyone builds on it. What was read may have come from a page cache whose bytes a failed
 * fsync left marked clean; so the frames that no later frame vouches for are written once more.
 */

import type { ActivePosition } from "./active-segment.js";
import type { DamagedRegion, LostEntries } from "./damage.js";
import { describeDamage } from "./damage.js";
import { RaftWalError } from "./errors.js";
import { GroupLog, type GroupLogContext } from "./group-log.js";
import { toShortage, type WalHealth } from "./health.js";
import { readIdentity, writeIdentity } from "./log-identity.js";
import { type LogTail, type ScanResult, scanLog } from "./log-scanner.js";
import type { WalPorts } from "./ports.js";
import type { SegmentFiles } from "./segment-files.js";
import { SEGMENT_HEADER_BYTES } from "./segment-header.js";
import { type PreparedSegment, SegmentPreparer } from "./segment-preparer.js";
import type { ReadFrame, SegmentReader } from "./segment-reader.js";
import { closeAll, type LogId, openSegments, type SegmentSet } from "./segment-set.js";
import { removeFile } from "./small-file.js";

const CHUNK_BYTES = 1024 * 1024;

/** What opening found and did. */
export interface RecoveryReport {
  readonly segments: number;
  readonly frames: number;
  readonly groups: number;
  readonly entries: number;
  /** Bytes of batches that a crash had torn before they were durable, now gone. */
  readonly tornBytes: number;
  /** Segment files removed because nothing needs them. */
  readonly segmentsRemoved: number;
}

export interface RecoveryDeps {
  readonly ports: WalPorts;
  readonly directory: string;
  readonly segmentBytes: number;
  readonly files: SegmentFiles;
  readonly groups: Map<number, GroupLog>;
  readonly context: GroupLogContext;
  readonly health: WalHealth;
}

export interface Recovered {
  readonly prepared: PreparedSegment;
  readonly position: ActivePosition;
  readonly preparer: SegmentPreparer;
  readonly report: RecoveryReport;
}

/** @throws RaftWalError; nothing that was found is lost then */
export async function recover(deps: RecoveryDeps): Promise<Recovered> {
  const { fileSystem, random } = deps.ports;
  await removeDrafts(deps);
  const identity = await readIdentity(fileSystem, deps.directory);
  const set = await openSegments(fileSystem, deps.directory, identity);
  try {
    const isNew = set.readers.length === 0 && set.broken.length === 0;
    if (isNew && identity !== undefined) throw lostLog(deps.directory);
    const word = () => random.nextInt(2 ** 32);
    const logId = set.logId ?? [word(), word()];
    const recovered = isNew ? await found(deps, logId) : await reopen(deps, set, logId);
    if (identity === undefined) await writeIdentity(fileSystem, deps.directory, logId);
    return recovered;
  } finally {
    await closeAll(set.readers);
  }
}

/** Takes frames into `groups`; used to open a log and to verify one. */
export function replayInto(groups: Map<number, GroupLog>, context: GroupLogContext) {
  const onFrame = (segment: number, frame: ReadFrame): string | undefined => {
    for (const { record, offset } of frame.records) {
      let log = groups.get(record.group);
      if (log === undefined) {
        log = new GroupLog(record.group, context);
        groups.set(record.group, log);
      }
      const problem = log.apply(record, { segment, offset: frame.offset + offset }, false);
      if (problem !== undefined) return `group ${record.group}: ${problem}`;
      if (record.kind === "remove") groups.delete(record.group);
    }
    return undefined;
  };
  const restart = (): void => {
    for (const log of groups.values()) log.forget();
    groups.clear();
  };
  return { onFrame, restart };
}

/** Entries that the groups should have and have not, beside those that the scan found lost. */
export function findLost(scan: ScanResult, groups: ReadonlyMap<number, GroupLog>): LostEntries[] {
  const lost = [...scan.lost];
  for (const [group, log] of groups) {
    for (const [from, to] of log.index.holes(log.firstIndex())) {
      lost.push({ group, first: from, last: to - 1 });
    }
  }
  return lost.sort((a, b) => a.group - b.group || a.first - b.first);
}

async function found(deps: RecoveryDeps, logId: LogId): Promise<Recovered> {
  const preparer = createPreparer(deps, logId, 1);
  const prepared = await preparer.take();
  deps.files.add(prepared.segment);
  const position = {
    offset: SEGMENT_HEADER_BYTES,
    sequence: 1,
    digest: 0,
    firstSegment: 1,
    framesBefore: 0,
  };
  const report = {
    segments: 1,
    frames: 0,
    groups: 0,
    entries: 0,
    tornBytes: 0,
    segmentsRemoved: 0,
  };
  return { prepared, position, preparer, report };
}

async function reopen(deps: RecoveryDeps, set: SegmentSet, logId: LogId): Promise<Recovered> {
  const { groups, context, files, directory, ports } = deps;
  const { onFrame, restart } = replayInto(groups, context);
  const scan = await scanLog(set, onFrame, restart);
  const lost = findLost(scan, groups);
  const { tail } = scan;
  if (scan.regions.length > 0 || lost.length > 0 || tail === undefined) {
    throw damaged(directory, scan.regions, lost);
  }
  const isNeeded = (number: number) => number >= scan.firstSegment && number <= tail.segment;
  for (const { number, header } of set.readers) {
    if (isNeeded(number)) files.add({ number, bytes: header.bytes, salt: header.salt });
  }
  // Only when the tail is durable may files go that it says are not needed.
  const prepared = await reviveTail(deps, set, tail);
  const unneeded = set.readers.map(({ number }) => number).filter((number) => !isNeeded(number));
  for (const number of unneeded) {
    if (context.live.of(number) > 0) throw new Error(`assertion: segment ${number} is live`);
    await removeFile(ports.fileSystem, files.pathOf(number));
  }
  await guard(deps, "sync", directory, () => ports.fileSystem.syncDirectory(directory));
  const { offset, sequence, digest, framesBefore } = tail;
  let entries = 0;
  for (const log of groups.values()) entries += log.index.count;
  return {
    prepared,
    position: { offset, sequence, digest, framesBefore, firstSegment: scan.firstSegment },
    preparer: createPreparer(deps, logId, tail.segment + 1),
    report: {
      segments: files.count,
      frames: scan.frames,
      groups: groups.size,
      entries,
      tornBytes: tail.contentEnd - tail.offset,
      segmentsRemoved: unneeded.length,
    },
  };
}

/** Writes the unvouched end of the log again, zeros what was torn behind it, and syncs both. */
async function reviveTail(
  deps: RecoveryDeps,
  set: SegmentSet,
  tail: LogTail,
): Promise<PreparedSegment> {
  const reader = set.readers.find(({ number }) => number === tail.segment);
  const segment = deps.files.get(tail.segment);
  if (reader === undefined || segment === undefined) throw new Error("assertion: no tail segment");
  const path = deps.files.pathOf(tail.segment);
  const handle = await deps.ports.fileSystem.open(path, "read-write");
  try {
    await guard(deps, "write", path, async () => {
      await rewrite(reader, tail, (chunk, at) => handle.write(chunk, at));
      for (let at = tail.offset; at < tail.contentEnd; at += CHUNK_BYTES) {
        await handle.write(Buffer.alloc(Math.min(CHUNK_BYTES, tail.contentEnd - at)), at);
      }
    });
    await guard(deps, "sync", path, () => handle.sync());
    return { segment, handle };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function rewrite(
  reader: SegmentReader,
  tail: LogTail,
  write: (chunk: Buffer, at: number) => Promise<void>,
): Promise<void> {
  for (let at = tail.syncedOffset; at < tail.offset; at += CHUNK_BYTES) {
    await write(await reader.bytes(at, Math.min(CHUNK_BYTES, tail.offset - at)), at);
  }
}

/** Files that a crash left half made. */
async function removeDrafts({ ports, directory }: RecoveryDeps): Promise<void> {
  for (const name of await ports.fileSystem.list(directory)) {
    if (!/^raft-(\d{10}\.wal|wal\.id)\.new$/.test(name)) continue;
    await removeFile(ports.fileSystem, ports.fileSystem.join(directory, name));
  }
}

function createPreparer(deps: RecoveryDeps, logId: LogId, nextNumber: number): SegmentPreparer {
  const { ports, directory, segmentBytes, health } = deps;
  return new SegmentPreparer({ ports, directory, segmentBytes, logId, health, nextNumber });
}

async function guard(
  deps: RecoveryDeps,
  action: "write" | "sync",
  file: string,
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    const shortage = action === "write" ? toShortage(error, file) : undefined;
    throw shortage ?? deps.health.poison(action, file, error);
  }
}

function damaged(
  directory: string,
  regions: readonly DamagedRegion[],
  lost: readonly LostEntries[],
): RaftWalError {
  const damage = { regions, lost };
  const message = `the log in ${directory} is damaged: ${describeDamage(damage)}`;
  return new RaftWalError({ code: "RAFT_WAL_DAMAGED", message, damage });
}

function lostLog(directory: string): RaftWalError {
  const reason = "all segment files are missing";
  const region = { segment: 1, offset: 0, bytes: 0, reason, groups: [] };
  return damaged(directory, [region], []);
}
