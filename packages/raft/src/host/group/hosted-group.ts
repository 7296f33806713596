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
import type { ApplyTask } from "../../core/ready.js";
import type { Snapshot } from "../../core/storage.js";
import type { GroupUpdate } from "../../wal/group-update.js";
import { RaftHostError } from "../errors.js";
import { onMachine } from "../host-failure.js";
import type { EntryOutcome } from "../session/apply-batch.js";
import type { StateMachine } from "../state-machine.js";
import { type GroupTalk, isLeaseMessage, isSleepMessage } from "../wire/host-message.js";
import { AppendTasks } from "./append-tasks.js";
import { ApplyPipeline, type PipelineJob } from "./apply-pipeline.js";
import { createProposals, createReads } from "./call-queues.js";
import type { Compaction } from "./compaction.js";
import type { GroupContext, GroupParts } from "./group-context.js";
import { toGroupFailure } from "./group-failure.js";
import { GroupMeter } from "./group-meter.js";
import { HandOver, handOver, leadOn } from "./hand-over.js";
import type { AppliedConfig, Proposals } from "./proposals.js";
import { Quiescence } from "./quiescence.js";
import type { Reads } from "./reads.js";
import { type TakenState, takeState } from "./take-state.js";

export type GroupState = "running" | "failed" | "closed";

export class HostedGroup {
  readonly group: number;
  readonly core: RaftCore;
  readonly proposals: Proposals;
  readonly reads: Reads;
  readonly #parts: GroupParts;
  readonly #context: GroupContext;
  readonly #pipeline: ApplyPipeline;
  readonly #appends: AppendTasks;
  readonly #quiescence: Quiescence;
  readonly #meter: GroupMeter;
  #state: GroupState = "running";
  #failure: RaftHostError | undefined;
  #config: ConfigState;
  #applied: LogPosition;
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
    const { options, ports, nodeId } = context;
    const { electionTicks } = options;
    const meter = new GroupMeter(this.group, options.observer, ports.clock);
    this.#meter = meter;
    this.proposals = createProposals(parts, context, meter);
    this.reads = createReads(context, meter);
    this.#appends = new AppendTasks({
      group: this.group,
      write: (job) => context.write(job),
      deliver: (message) => this.#deliver(message, nodeId),
      restore: (snapshot, done) => this.#restore(snapshot, done),
      onDone: () => context.markDirty(this),
      onRefused: (error) => this.fail(error),
    });
    this.#quiescence = new Quiescence({
      idleTicks: options.quiesceTicks,
      askTicks: Math.max(1, Math.floor(electionTicks / 3)),
      isUp: (peer) => context.isUp(peer),
      send: (message) => context.send(this, message),
    });
    this.#pipeline = new ApplyPipeline({
      machine: parts.machine,
      skipThrough: parts.start.skipThrough,
      lastCommand: parts.start.lastCommand,
      applyConfig: (entry) => this.#applyConfig(entry),
      sessions: parts.sessions,
      meter,
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
    return this.#pipeline.lastCommand;
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

  step(message: PeerMessage | GroupTalk): void {
    this.#guard(() => {
      if (isSleepMessage(message)) {
        // Who waits here needs time to pass, be it only to learn that it is up.
        if (message.type === "sleep-response" || !this.#isBusy) {
          this.#quiescence.hear(this.core, message);
        }
        return;
      }
      if (isLeaseMessage(message)) {
        const answer = this.#parts.lease?.hear(this.core, this.#config, message);
        if (answer !== undefined) this.#context.send(this, answer);
        return;
      }
      this.#quiescence.hearPeer(message);
      const code = this.core.step(message);
      if (code !== undefined) this.#context.onRefused(message, code);
    });
  }

  /** Time passes; nothing happens while the group sleeps. */
  tick(nowMs: number): void {
    if (this.#quiescence.isAsleep) return;
    this.#guard(() => {
      const { core } = this;
      core.tick();
      this.proposals.expire(nowMs);
      this.reads.tick(core, nowMs);
      this.#handOver.tick(core);
      if (!this.#isFit && core.role === "leader") handOver(core);
      this.#quiescence.tick(core, this.#isBusy);
      if (!this.#quiescence.isAwake) return;
      this.#parts.lease?.tick(core, this.#config, (message) => this.#context.send(this, message));
    });
  }

  /** Somebody calls, or the way to a member is lost: time counts again. */
  wake(): void {
    this.#quiescence.wake();
  }

  get isAsleep(): boolean {
    return this.#quiescence.isAsleep;
  }

  /** The process stood still. */
  loseLease(): void {
    this.#parts.lease?.lose();
  }

  /** Whether this host is fit to lead. When it is not, the group is handed over. */
  setFit(isFit: boolean): void {
    this.#guard(() => {
      this.#isFit = isFit;
      this.#quiescence.wake();
      this.core.setEligible(isFit);
      if (this.core.role !== "leader") return;
      if (!isFit) handOver(this.core);
      else leadOn(this.core);
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
    const nowMs = this.#context.ports.clock.monotonicMs();
    const { index } = await this.proposals.track(proposed, deadlineMs, nowMs);
    return { index, config: this.#config };
  }

  /** Calls into the core for a user: a refusal is the user's, a broken invariant the group's. */
  call<Result>(run: () => Result): Result {
    if (this.#failure !== undefined) throw this.#failure;
    this.#quiescence.wake();
    try {
      return run();
    } catch (error) {
      if (isRaftError(error) && error.code !== "RAFT_INVARIANT") throw error;
      // Nothing of the call has left the core, and now nothing will.
      this.fail(error);
      throw this.#failure ?? error;
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
    const { machine, sessions } = this.#parts;
    return takeState(this.#pipeline, { machine, sessions }, () => {
      return { ...this.#applied, config: this.#config };
    });
  }

  /** What cuts the group's log. */
  get compaction(): Compaction {
    return this.#parts.compaction;
  }

  // ── work ─────────────────────────────────────────────────────────────────

  /** Does all that can be done now, and leaves in outbox and log writer what comes of it. */
  work(nowMs: number): void {
    this.#guard(() => {
      const { core } = this;
      this.#appends.release();
      this.reads.release(core.appliedIndex);
      this.proposals.submit(core, nowMs);
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
    this.#failure = toGroupFailure(this.group, cause);
    this.#rejectAll(this.#failure);
    this.#context.onFailed(this, cause);
    void Promise.all([this.#parts.compaction.stop(), this.#pipeline.stop()]);
  }

  /** Ends the group's work on this host; what waits is told so. */
  async close(): Promise<void> {
    if (this.#state === "running") {
      this.#state = "closed";
      const message = `group ${this.group} has been closed`;
      this.#failure = new RaftHostError({ code: "RAFT_HOST_CLOSED", message });
      this.#rejectAll(this.#failure);
    }
    await Promise.all([this.#parts.compaction.stop(), this.#pipeline.stop()]);
    await onMachine(async () => this.#parts.machine.close?.());
  }

  /** The commit index, when it has not been written: for an orderly end. */
  takeUnwritten(): GroupUpdate | undefined {
    return this.#appends.takeUnwritten();
  }

  #collect(): void {
    const { core } = this;
    const ready = core.ready();
    for (const { context, index } of ready.readStates) {
      this.reads.confirm(context, index, core.appliedIndex);
    }
    for (const message of ready.messages) this.#send(message);
    if (ready.append !== undefined) {
      this.#appends.add(ready.append);
      const { snapshot } = ready.append;
      if (snapshot !== undefined) this.#parts.compaction.installed(snapshot);
    }
    if (ready.apply !== undefined) this.#pipeline.apply(ready.apply);
    this.#appends.release();
  }

  #send(message: PeerMessage): void {
    if (message.type === "snapshot-request") this.#context.sendSnapshot(this, message);
    else if (!this.#quiescence.holdsBack(message)) this.#context.send(this, message);
  }

  #deliver(message: Message, self: NodeId): void {
    if (message.to === self) this.core.step(message);
    else this.#send(message as PeerMessage);
  }

  #restore(snapshot: Snapshot, done: () => void): void {
    this.#pipeline.run(async () => {
      await this.#parts.restore(snapshot);
      const { meta } = snapshot;
      this.#pipeline.restoredTo(meta.index);
      this.#config = meta.config;
      this.#applied = { index: meta.index, term: meta.term };
      this.proposals.loseSightThrough(meta.index);
      this.#parts.compaction.restored(snapshot);
      done();
    });
  }

  // ── applying ─────────────────────────────────────────────────────────────

  async #applyConfig(entry: Entry): Promise<void> {
    this.#context.markDirty(this);
    await this.#handOver.before(entry, this.core, this.#context.options.electionTicks);
    await this.#appends.settleCommit();
    if (this.#state !== "running") return;
    this.#config = this.core.applyConfigChange(entry);
    this.#parts.lease?.reconfigure(this.core, this.#config);
    this.#context.markDirty(this);
  }

  #onEntry(entry: Entry, outcome: EntryOutcome): void {
    this.#applied = { index: entry.index, term: entry.term };
    this.proposals.settle(entry, outcome);
    this.#parts.compaction.count(entry);
  }

  #onTask(task: ApplyTask): void {
    this.#meter.tellApplied();
    this.core.step(task.response);
    this.reads.release(this.core.appliedIndex);
    this.#parts.compaction.consider(this);
    this.#context.markDirty(this);
  }

  // ── inside ───────────────────────────────────────────────────────────────

  /** Whether somebody waits for this member, or it for a successor. */
  get #isBusy(): boolean {
    return this.proposals.count + this.reads.count > 0 || !this.#isFit;
  }

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
    this.#appends.end();
  }
}
