/**
 * One member of one group at work: its core, its log, its state machine, and those who wait for it.
 *
 * All of it is synchronous but for the state machine and the disk, whose answers come in as messages to
 * the core do. Nothing here sends or writes by itself: it fills the host's outbox and log writer, which
 * are emptied at the end of the turn, the outbox first. So a leader's appends leave before its own write.
 *
 * Whatever fails here stops this group, and no other.
 */

import type { ConfigChange } from "../../core/config-change.js";
import type { ConfigState } from "../../core/configuration.js";
import type { Entry } from "../../core/entry.js";
import { isRaftError } from "../../core/errors.js";
import type { LogPosition, NodeId } from "../../core/ids.js";
import type { Message, PeerMessage } from "../../core/message.js";
import type { ConfigChangeOptions, RaftCore } from "../../core/raft-core.js";
import type { AppendTask, ApplyTask } from "../../core/ready.js";
import type { HardState, Snapshot, SnapshotMeta } from "../../core/storage.js";
import type { GroupUpdate } from "../../wal/group-update.js";
import { isRaftHostError, RaftHostError } from "../errors.js";
import type { EntryOutcome } from "../session/apply-batch.js";
import { encodeSessions } from "../session/session-codec.js";
import { encodeChunks } from "../snapshot/snapshot-format.js";
import { joinState } from "../snapshot/state-stream.js";
import type { StateMachine } from "../state-machine.js";
import { AppendOrder } from "./append-order.js";
import { ApplyPipeline, type PipelineJob } from "./apply-pipeline.js";
import type { GroupContext, GroupParts } from "./group-context.js";
import { HandOver, handOver, losesVote } from "./hand-over.js";
import { type AppliedConfig, Proposals } from "./proposals.js";
import { Reads } from "./reads.js";

export type GroupState = "running" | "failed" | "closed";

/** A state in chunks, and where it stands. */
export interface TakenState {
  readonly meta: SnapshotMeta;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export class HostedGroup {
  readonly group: number;
  readonly core: RaftCore;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly #parts: GroupParts;
  readonly #context: GroupContext;
  readonly #pipeline: ApplyPipeline;
  readonly #order: AppendOrder;
  /** The newest state that is not written: only the commit index is new in it. */
  #unwritten: HardState | undefined;
  #state: GroupState = "running";
  #failure: RaftHostError | undefined;
  #config: ConfigState;
  #applied: LogPosition;
  #lastCommand: number;
  #isSnapshotWanted = false;
  #isFit = true;
  readonly #handOver = new HandOver();

  constructor(parts: GroupParts, context: GroupContext) {
    this.#parts = parts;
    this.#context = context;
    this.group = parts.group;
    this.core = parts.core;
    this.#config = parts.start.config;
    this.#applied = parts.start.applied;
    this.#lastCommand = parts.start.applied.index;
    const { options, ports, budget, nodeId } = context;
    const { maxPendingProposals, maxPendingReads, electionTicks, tickMs } = options;
    const { maxAppendBytes, maxEntryBytes } = parts.limits;
    const limits = {
      maxPending: maxPendingProposals,
      maxBatchBytes: maxAppendBytes,
      maxEntryBytes,
    };
    this.proposals = new Proposals(limits, budget);
    const retryMs = electionTicks * tickMs;
    this.reads = new Reads({ maxPending: maxPendingReads, retryMs, random: ports.random });
    this.#order = new AppendOrder((message) => this.#deliver(message, nodeId));
    this.#pipeline = new ApplyPipeline({
      machine: parts.machine,
      skipThrough: parts.start.skipThrough,
      applyConfig: (entry) => this.#applyConfig(entry),
      sessions: parts.sessions,
      onEntry: (entry, outcome) => this.#onEntry(entry, outcome),
      onTask: (task) => this.#onTask(task),
      onFailed: (error) => this.fail(error),
    });
  }

  get state(): GroupState {
    return this.#state;
  }

  /** What every call is refused with once the group does not run. */
  get refusal(): RaftHostError | undefined {
    return this.#failure;
  }

  get machineKind(): StateMachine["kind"] {
    return this.#parts.machine.kind;
  }

  /** The configuration that was applied last. */
  get config(): ConfigState {
    return this.#config;
  }

  /** What was applied last. */
  get applied(): LogPosition {
    return this.#applied;
  }

  get lastCommand(): number {
    return this.#lastCommand;
  }

  /** Whether a turn would do anything. */
  get hasWork(): boolean {
    return (
      this.core.hasReady ||
      this.#isSnapshotWanted ||
      this.proposals.hasQueued ||
      this.reads.hasGathered
    );
  }

  // ── input ────────────────────────────────────────────────────────────────

  step(message: PeerMessage): void {
    this.#guard(() => {
      const code = this.core.step(message);
      if (code !== undefined) this.#context.onRefused(message, code);
    });
  }

  tick(nowMs: number): void {
    this.#guard(() => {
      this.core.tick();
      this.proposals.expire(nowMs);
      this.reads.tick(this.core, nowMs);
      this.#handOver.tick(this.core);
      if (!this.#isFit && this.core.role === "leader") handOver(this.core);
    });
  }

  /** Whether this host is fit to lead. When it is not, the group is handed over. */
  setFit(isFit: boolean): void {
    this.#guard(() => {
      this.#isFit = isFit;
      this.core.setEligible(isFit);
      if (!isFit && this.core.role === "leader") handOver(this.core);
    });
  }

  reportUnreachable(peer: NodeId): void {
    this.#guard(() => this.core.reportUnreachable(peer));
  }

  reportSnapshot(peer: NodeId, isDelivered: boolean): void {
    this.#guard(() => this.core.reportSnapshot(peer, isDelivered));
  }

  /** @throws RaftError as `RaftCore.proposeConfigChange` */
  async changeConfig(
    change: ConfigChange,
    options: ConfigChangeOptions,
    deadlineMs: number,
  ): Promise<AppliedConfig> {
    const proposed = this.call(() => this.core.proposeConfigChange(change, options));
    const { index } = await this.proposals.track(proposed, deadlineMs);
    return { index, config: this.#config };
  }

  /** Calls into the core for a user: a refusal is the user's, a broken invariant the group's. */
  call<Result>(run: () => Result): Result {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return run();
    } catch (error) {
      if (!isRaftError(error) || error.code === "RAFT_INVARIANT") this.fail(error);
      throw error;
    } finally {
      this.#context.markDirty(this);
    }
  }

  /** A member needs a newer snapshot than there is. The core is at work: later is soon enough. */
  requestSnapshot(): void {
    this.#isSnapshotWanted = true;
  }

  /** Runs `job` between two batches of the state machine. */
  runBetweenApplies(job: PipelineJob): void {
    this.#pipeline.run(job);
  }

  /**
   * The state as it is between two batches, encoded for the road. For state machines on disk, whose
   * snapshots are made when they are asked for.
   */
  takeSnapshot(): Promise<TakenState> {
    return new Promise((resolve, reject) => {
      const take = async (): Promise<void> => {
        try {
          const taken = await this.#parts.machine.snapshot();
          const state = "chunks" in taken ? taken.chunks : taken;
          const chunks = encodeChunks(joinState(encodeSessions(this.#parts.sessions), state));
          resolve({ meta: { ...this.#applied, config: this.#config }, chunks });
        } catch (error) {
          // Only this snapshot is lost.
          reject(toError(error));
        }
      };
      this.#pipeline.run(take, () => reject(this.#failure ?? new Error("the group has stopped")));
    });
  }

  /** Whether the log names this file, or will when it is written. */
  usesSnapshotFile(file: string): boolean {
    return this.#parts.compaction.names(file);
  }

  // ── work ─────────────────────────────────────────────────────────────────

  /** Does all that can be done now, and leaves in outbox and log writer what comes of it. */
  work(nowMs: number): void {
    this.#guard(() => {
      const { core } = this;
      this.#order.release();
      this.reads.release(core.appliedIndex);
      this.proposals.submit(core);
      this.reads.submit(core, nowMs);
      while (core.hasReady && this.#state === "running") this.#collect();
      this.#handOver.look(core);
      if (!this.#isSnapshotWanted) return;
      this.#isSnapshotWanted = false;
      this.#parts.compaction.request(this);
    });
  }

  /** Stops the group on this host. */
  fail(cause: unknown): void {
    if (this.#state !== "running") return;
    this.#state = "failed";
    const words = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new RaftHostError(
      {
        code: isLogFailure(cause) ? "RAFT_HOST_LOG_FAILED" : "RAFT_HOST_GROUP_FAILED",
        message: `group ${this.group} has stopped: ${words}`,
      },
      { cause },
    );
    this.#rejectAll(this.#failure);
    this.#context.onFailed(this, cause);
    void this.#pipeline.stop();
  }

  /** Ends the group's work on this host; what waits is told so. */
  async close(): Promise<void> {
    if (this.#state === "running") {
      this.#state = "closed";
      const message = `group ${this.group} has been closed`;
      this.#failure = new RaftHostError({ code: "RAFT_HOST_CLOSED", message });
      this.#rejectAll(this.#failure);
    }
    await this.#pipeline.stop();
    await this.#parts.machine.close?.();
  }

  /** The commit index, when it has not been written: for an orderly end. */
  takeUnwritten(): GroupUpdate | undefined {
    const hardState = this.#unwritten;
    this.#unwritten = undefined;
    return hardState === undefined ? undefined : { group: this.group, hardState };
  }

  #collect(): void {
    const { core } = this;
    const ready = core.ready();
    for (const { context, index } of ready.readStates) {
      this.reads.confirm(context, index, core.appliedIndex);
    }
    for (const message of ready.messages) this.#send(message);
    if (ready.append !== undefined) this.#append(ready.append);
    if (ready.apply !== undefined) this.#pipeline.apply(ready.apply);
    this.#order.release();
  }

  #send(message: PeerMessage): void {
    if (message.type === "snapshot-request") this.#context.sendSnapshot(this, message);
    else this.#context.send(this, message);
  }

  #deliver(message: Message, self: NodeId): void {
    if (message.to === self) this.core.step(message);
    else this.#send(message as PeerMessage);
  }

  #append(task: AppendTask): void {
    const { entries, snapshot, responses } = task;
    if (task.hardState !== undefined) this.#unwritten = task.hardState;
    const onDone = this.#order.add(responses);
    if (!task.mustSync && snapshot === undefined) {
      // A commit index alone is only a hint for the next start: it goes with the next write.
      onDone();
      return;
    }
    const hardState = this.#unwritten;
    this.#unwritten = undefined;
    const state = hardState === undefined ? {} : { hardState };
    const { group } = this;
    const written = (): void => {
      onDone();
      this.#context.markDirty(this);
    };
    this.#context.write({
      update:
        snapshot === undefined
          ? { group, ...state, entries }
          : { group, ...state, installSnapshot: snapshot },
      mustSync: true,
      onWritten: snapshot === undefined ? written : () => this.#restore(snapshot, written),
      onRefused: (error) => this.fail(error),
    });
    if (snapshot !== undefined) this.#parts.compaction.installed(snapshot);
  }

  /** The snapshot is in the log: now into the state machine. A crash in between repeats this part. */
  #restore(snapshot: Snapshot, done: () => void): void {
    this.#pipeline.run(async () => {
      await this.#parts.restore(snapshot);
      const { meta } = snapshot;
      this.#pipeline.restoredTo(meta.index);
      this.#config = meta.config;
      this.#applied = { index: meta.index, term: meta.term };
      this.#lastCommand = meta.index;
      this.proposals.loseSightThrough(meta.index);
      this.#parts.compaction.restored(snapshot);
      done();
    });
  }

  // ── applying ─────────────────────────────────────────────────────────────

  async #applyConfig(entry: Entry): Promise<void> {
    if (this.core.role === "leader" && losesVote(entry, this.core.status())) {
      this.#context.markDirty(this);
      await this.#handOver.begin(this.core, this.#context.options.electionTicks);
    }
    if (this.#state !== "running") return;
    this.#config = this.core.applyConfigChange(entry);
    this.#context.markDirty(this);
  }

  #onEntry(entry: Entry, outcome: EntryOutcome): void {
    this.#applied = { index: entry.index, term: entry.term };
    if (entry.type === "normal" && entry.data.length > 0) this.#lastCommand = entry.index;
    this.proposals.settle(entry, outcome);
    this.#parts.compaction.count(entry);
  }

  #onTask(task: ApplyTask): void {
    this.core.step(task.response);
    this.reads.release(this.core.appliedIndex);
    this.#parts.compaction.consider(this);
    this.#context.markDirty(this);
  }

  // ── inside ───────────────────────────────────────────────────────────────

  #guard(run: () => void): void {
    if (this.#state !== "running") return;
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  #rejectAll(error: RaftHostError): void {
    const { code, message } = error;
    this.proposals.rejectAll((outcome) => {
      return new RaftHostError({ code, message, outcome }, { cause: error.cause });
    });
    this.reads.rejectAll(error);
    this.#handOver.end();
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function isLogFailure(cause: unknown): boolean {
  return isRaftHostError(cause) && cause.code === "RAFT_HOST_LOG_FAILED";
}
