/** Brings a group up from its log and its state machine. */

import { type ConfigState, EMPTY_CONFIG_STATE } from "../../core/configuration.js";
import {
  INDEX_ZERO,
  type LogIndex,
  type LogPosition,
  TERM_ZERO,
  toLogIndex,
} from "../../core/ids.js";
import type { CoreEvent } from "../../core/options.js";
import { RaftCore } from "../../core/raft-core.js";
import type { LogStorage, Snapshot } from "../../core/storage.js";
import { ENVELOPE_BYTES } from "../envelope.js";
import { RaftHostError } from "../errors.js";
import { assertFramesFit } from "../frame-limits.js";
import { onFiles, onMachine } from "../host-failure.js";
import { type GroupOptions, resolveGroupOptions } from "../options.js";
import type { GroupLogs } from "../ports.js";
import { decodeSessions } from "../session/session-codec.js";
import { SessionTable } from "../session/session-table.js";
import type { SnapshotFiles } from "../snapshot/snapshot-files.js";
import { heldCommand, snapshotFile, stateFile } from "../snapshot/snapshot-pointer.js";
import { splitState } from "../snapshot/state-stream.js";
import type { StateMachine } from "../state-machine.js";
import { Compaction } from "./compaction.js";
import { type Founders, foundIfNew } from "./founding.js";
import type { GroupContext, GroupStart } from "./group-context.js";
import { GroupStorage } from "./group-storage.js";
import { HostedGroup } from "./hosted-group.js";
import { TimedLease } from "./leader-lease.js";

const MAX_PRIORITY = 2 ** 51;

/** A group to be opened on this host. */
export interface GroupInit {
  /** Its number, the same on all hosts: a safe integer of at least 1. */
  readonly group: number;
  readonly stateMachine: StateMachine;
  /**
   * The members that the group is founded with, the same on each of them. Only looked at when the log
   * knows nothing of the group, not even that it was removed. Without it, this host waits to be added by the members.
   *
   * Never found a group again on a host that has lost its disk: it has forgotten its vote. Remove the
   * member and add a new one with another node id.
   */
  readonly founders?: Founders;
  readonly options?: GroupOptions;
}

export interface OpenGroupDeps {
  readonly context: GroupContext;
  readonly log: GroupLogs;
  readonly files: SnapshotFiles;
  /** Told of the core's events. */
  readonly onEvent: (group: number, event: CoreEvent) => void;
  readonly onCompacted: (group: number, index: number) => void;
  readonly onSnapshotFailed: (group: number, error: unknown) => void;
  readonly wake: () => void;
  /** Of the transport. */
  readonly maxFrameBytes: number;
  /** Index of the group's oldest snapshot that is being sent, or whose transfer broke off. */
  readonly oldestSent: (group: number) => LogIndex | undefined;
}

/**
 * @throws RaftHostError `RAFT_HOST_STATE_MISMATCH`, `RAFT_HOST_SNAPSHOT_DAMAGED`,
 *   `RAFT_HOST_SETTINGS_CONFLICT`, `RAFT_HOST_NO_SPACE`, `RAFT_HOST_OVERLOADED`, `RAFT_HOST_LOG_FAILED`,
 *   `RAFT_HOST_FILES_FAILED`, `RAFT_HOST_APPLY_FAILED`; RaftError `RAFT_INVARIANT`; RangeError
 */
export async function openGroup(deps: OpenGroupDeps, init: GroupInit): Promise<HostedGroup> {
  const { context, log, files } = deps;
  const { group, stateMachine: machine } = init;
  const { compaction: options, limits: given } = resolveGroupOptions(
    init.options ?? {},
    log.maxBatchBytes,
  );
  const limits = { ...given, maxEntryBytes: given.maxEntryBytes + ENVELOPE_BYTES };
  if (!Number.isSafeInteger(group) || group < 1) throw new RangeError(`not a group: ${group}`);
  assertFramesFit(given, deps.maxFrameBytes);
  assertPriority(init.options?.priority);
  const isFounded = await foundIfNew(log, group, init.founders, context.nodeId);
  const storage = log.storage(group);
  const snapshot = storage.snapshot();
  await onFiles(files.clean(group, snapshotFile(snapshot)));
  const sessions = new SessionTable();
  const stateParts = { machine, sessions, files };
  const skipThrough = await onMachine(() => openState(stateParts, storage));
  const start = startOf(snapshot, skipThrough);
  const { electionTicks, heartbeatTicks } = context.options;
  const lease = leaseOf(context, !isFounded);
  const core = new RaftCore(
    {
      id: context.nodeId,
      storage: new GroupStorage(storage, toLogIndex(skipThrough)),
      random: context.ports.random,
      ...(lease === undefined ? {} : { lease }),
      observer: (event) => deps.onEvent(group, event),
    },
    {
      ...limits,
      electionTicks,
      heartbeatTicks,
      applied: start.applied.index,
      // Who proposed where is how outcomes are known, so proposals do not travel.
      forwardProposals: false,
    },
  );
  const compaction = new Compaction({
    group,
    machine,
    sessions,
    storage,
    files,
    options,
    write: (job) => context.write(job),
    wake: deps.wake,
    oldestSent: () => deps.oldestSent(group),
    onCompacted: (index) => deps.onCompacted(group, index),
    onFailed: (error) => deps.onSnapshotFailed(group, error),
  });
  const restore = (taken: Snapshot): Promise<void> => restoreState(stateParts, taken);
  const parts = { group, core, machine, sessions, start, limits, compaction, lease, restore };
  return new HostedGroup(parts, context);
}

function leaseOf({ options, ports }: GroupContext, mayHavePromised: boolean) {
  if (!options.leaderLease) return undefined;
  return new TimedLease({
    clock: ports.clock,
    promiseMs: options.electionTicks * options.tickMs,
    maxClockDrift: options.maxClockDrift,
    everyTicks: options.heartbeatTicks,
    mayHavePromised,
  });
}

/** The parts of a group's state, and the files that snapshots of it are in. */
interface GroupStateParts {
  readonly machine: StateMachine;
  readonly sessions: SessionTable;
  readonly files: SnapshotFiles;
}

/** @returns the last command that the state machine holds */
async function openState(parts: GroupStateParts, storage: LogStorage): Promise<number> {
  const { machine } = parts;
  const snapshot = storage.snapshot();
  const from = snapshot?.meta.index ?? 0;
  if (machine.kind === "in-memory") {
    if (snapshot !== undefined) await restoreState(parts, snapshot);
    return from;
  }
  const held = await machine.open();
  if (held > storage.lastIndex()) {
    throw mismatch(`the state machine holds ${held}, the log ends at ${storage.lastIndex()}`);
  }
  if (held < heldCommand(snapshot)) {
    throw mismatch(`the state machine ends at ${held}, the log begins behind ${from}`);
  }
  if (snapshot === undefined) return held;
  const isBehind = held < from && stateFile(snapshot) !== undefined;
  await restoreState(parts, snapshot, isBehind ? "all" : "sessions");
  return isBehind ? from : held;
}

async function restoreState(
  { machine, sessions, files }: GroupStateParts,
  snapshot: Snapshot,
  what: "all" | "sessions" = "all",
): Promise<void> {
  const file = snapshotFile(snapshot);
  if (file === undefined) {
    // No sessions, and the state that the group was founded with, or that the machine holds.
    sessions.load([]);
    return;
  }
  const split = await splitState(files.read(file));
  try {
    sessions.load(decodeSessions(split.sessions));
    if (what === "sessions") return;
    const { state } = split;
    if (machine.kind === "in-memory") await machine.restore(state);
    else await machine.restore({ index: snapshot.meta.index, chunks: state });
    await drain(state);
  } finally {
    await split.close();
  }
}

/** Reads what the state machine left unread: only the end says that nothing is damaged. */
async function drain(state: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of state);
}

function startOf(snapshot: Snapshot | undefined, skipThrough: number): GroupStart {
  const config: ConfigState = snapshot?.meta.config ?? EMPTY_CONFIG_STATE;
  const { index, term } = snapshot?.meta ?? { index: INDEX_ZERO, term: TERM_ZERO };
  const applied: LogPosition = { index, term };
  // A state machine that took a snapshot in stands at its index, command or not.
  const lastCommand = stateFile(snapshot) === undefined ? heldCommand(snapshot) : index;
  return { config, applied, lastCommand, skipThrough };
}

/** Priorities travel doubled, to make room for a sign. */
function assertPriority(priority = 0): void {
  if (Math.abs(priority) <= MAX_PRIORITY) return;
  throw new RangeError(`priority must be within ${MAX_PRIORITY} of 0: ${priority}`);
}

function mismatch(message: string): RaftHostError {
  return new RaftHostError({ code: "RAFT_HOST_STATE_MISMATCH", message });
}
