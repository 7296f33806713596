/**
 * The turns of a host. In one turn it takes in all that has come, lets every group with work do it, sends
 * one frame to each peer, and then hands to the disk what all groups have to write, in one batch.
 *
 *     frames, ticks, calls, answers of disk and state machines
 *        → step → work of dirty groups → outbox (one frame per peer) → log writer (one write, one sync)
 */

import type { RaftErrorCode } from "../core/errors.js";
import type { NodeId } from "../core/ids.js";
import type { PeerMessage, SnapshotRequest } from "../core/message.js";
import type { PeerState } from "../transport/transport.js";
import { whyDropped } from "./admission.js";
import { ByteBudget } from "./byte-budget.js";
import { RaftHostError } from "./errors.js";
import type { GroupContext } from "./group/group-context.js";
import type { HostedGroup } from "./group/hosted-group.js";
import { Inbox } from "./inbox.js";
import { LogWriter, type WriteJob } from "./log-writer.js";
import { makeRoom } from "./make-room.js";
import type { HostObserver } from "./observer.js";
import type { ResolvedHostOptions } from "./options.js";
import { type FrameSender, Outbox } from "./outbox.js";
import type { GroupLogs, HostPorts } from "./ports.js";
import { SpaceWatch } from "./space-watch.js";
import { Ticker } from "./ticker.js";
import { decodeFrame } from "./wire/frame-codec.js";
import { isResumeMessage, type ResumeMessage, type WireMessage } from "./wire/host-message.js";

export interface HostEngineDeps {
  readonly nodeId: NodeId;
  readonly log: GroupLogs;
  readonly transport: FrameSender;
  readonly ports: HostPorts;
  readonly options: ResolvedHostOptions;
  /** How much space is left where the log is; without it, only a full disk is noticed. */
  readonly freeBytes: (() => Promise<number>) | undefined;
  /** Takes a snapshot to a member, and reports how that went to the group. */
  readonly sendSnapshot: (group: HostedGroup, message: SnapshotRequest) => void;
  /** Sender and receiver of a snapshot talk about where to go on. */
  readonly onResume: (group: number, message: ResumeMessage) => void;
}

export class HostEngine implements GroupContext {
  readonly nodeId: NodeId;
  readonly options: ResolvedHostOptions;
  readonly ports: HostPorts;
  readonly budget: ByteBudget;
  readonly groups = new Map<number, HostedGroup>();
  readonly #deps: HostEngineDeps;
  readonly #observer: HostObserver;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #writer: LogWriter;
  readonly #ticker: Ticker;
  readonly #space: SpaceWatch | undefined;
  readonly #dirty = new Set<HostedGroup>();
  readonly #upPeers = new Set<NodeId>();
  #isScheduled = false;
  #isInTurn = false;
  #isRunning = true;
  #failure: RaftHostError | undefined;
  /** Since when this host has not been fit to lead. */
  #unfitSinceMs: number | undefined;
  #isDiskStalled = false;
  #isResigning = false;
  #isIndexTold = false;

  constructor(deps: HostEngineDeps) {
    this.#deps = deps;
    const { nodeId, options, ports, log, transport } = deps;
    this.nodeId = nodeId;
    this.options = options;
    this.ports = ports;
    this.#observer = options.observer;
    this.budget = new ByteBudget(options.maxQueuedProposalBytes);
    this.#inbox = new Inbox(options.maxInboxBytes);
    this.#outbox = new Outbox(transport, options.maxFrameBytes, this.#observer);
    this.#writer = new LogWriter({
      log,
      clock: ports.clock,
      maxWriteBytes: Math.min(options.maxWriteBytes, log.maxBatchBytes),
      onProgress: () => this.wake(),
      onFailed: (error) => this.#onLogFailed(error),
      onSpace: (isShort) => this.#onSpace(isShort),
      onIndexFull: () => this.#onIndexFull(),
      onIndexRoom: () => this.#onIndexRoom(),
      meter: this.#observer,
    });
    const { freeBytes } = deps;
    if (freeBytes !== undefined) {
      const { clock } = ports;
      const { minFreeBytes } = options;
      const onChange = (isLow: boolean): void => this.#onSpace(isLow);
      this.#space = new SpaceWatch({ clock, freeBytes, minFreeBytes, onChange });
    }
    this.#ticker = new Ticker({
      clock: ports.clock,
      tickMs: options.tickMs,
      onTick: (nowMs) => this.#tick(nowMs),
      onStall: (lateMs) => this.#onStall(lateMs),
    });
  }

  get inboxBytes(): number {
    return this.#inbox.bytes;
  }

  /** How long the write under way has taken; 0 when there is none. */
  get pendingWriteMs(): number {
    return this.#writer.pendingMs;
  }

  /** The log takes nothing more. */
  get isOutOfSpace(): boolean {
    return this.#writer.isShort;
  }

  /** Less space is left than `minFreeBytes`, or none. */
  get isShortOfSpace(): boolean {
    return this.#writer.isShort || this.#space?.isLow === true || this.#isIndexStuck;
  }

  /** The log takes no entries until groups have cut theirs, which they are at. */
  get isIndexFull(): boolean {
    return this.#writer.indexFullMs !== undefined;
  }

  get isFit(): boolean {
    return this.#unfitSinceMs === undefined;
  }

  /** Why nothing works any more; undefined while it does. */
  get failure(): RaftHostError | undefined {
    return this.#failure;
  }

  start(): void {
    this.#ticker.start();
    this.#space?.start();
  }

  add(group: HostedGroup): void {
    this.groups.set(group.group, group);
    if (!this.isFit) group.setFit(false);
    this.markDirty(group);
  }

  /** Takes a group out; what it had still to write is dropped. */
  delete(group: HostedGroup): void {
    if (this.groups.get(group.group) === group) this.groups.delete(group.group);
    this.#dirty.delete(group);
    this.#writer.drop(group.group);
  }

  // ── from outside ─────────────────────────────────────────────────────────

  onFrame(from: NodeId, frame: Uint8Array): void {
    if (!this.#isRunning) return;
    if (!this.#inbox.push(from, frame)) {
      this.#observer.onDropped?.(from, "inbox-full", `${frame.length} bytes`);
      return;
    }
    this.wake();
  }

  /** The way to a peer opened, or was lost: then leaders stop filling its window, and sleepers wake. */
  onPeerState(peer: NodeId, state: PeerState): void {
    if (state === "up") {
      this.#upPeers.add(peer);
      return;
    }
    this.#upPeers.delete(peer);
    for (const group of this.groups.values()) {
      const { role, leader } = group.core;
      if (role === "leader") group.reportUnreachable(peer);
      if (role === "leader" || leader === peer) group.wake();
    }
    this.wake();
  }

  onSnapshotFailed(group: HostedGroup, error: unknown): void {
    this.#observer.onSnapshotFailed?.(group.group, error);
  }

  /** Gives leaderships up and takes none any more. */
  resign(): void {
    this.#isResigning = true;
    this.#judgeFitness();
  }

  /** No more turns. Resolves when the disk has answered. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#ticker.stop();
    this.#space?.stop();
    for (const group of this.groups.values()) {
      const update = group.takeUnwritten();
      if (update === undefined || group.state === "failed") continue;
      this.#writer.add({ update, mustSync: false, onWritten: ignore, onRefused: ignore });
    }
    this.#writer.flush();
    await this.#writer.settle();
  }

  /** Resolves when the log has answered to what is under way now. */
  async settleUnderWay(): Promise<void> {
    await this.#writer.settleUnderWay();
  }

  // ── GroupContext ─────────────────────────────────────────────────────────

  markDirty(group: HostedGroup): void {
    this.#dirty.add(group);
    // A turn that is under way comes to it by itself.
    if (!this.#isInTurn) this.wake();
  }

  isUp(peer: NodeId): boolean {
    return this.#upPeers.has(peer);
  }

  send(group: HostedGroup, message: WireMessage): void {
    if (this.#isMute && isOfLeader(message)) return;
    this.#outbox.add(group, message);
  }

  sendSnapshot(group: HostedGroup, message: SnapshotRequest): void {
    this.#deps.sendSnapshot(group, message);
  }

  write(job: WriteJob): void {
    this.#writer.add(job);
  }

  onRefused(message: PeerMessage, code: RaftErrorCode): void {
    this.#observer.onDropped?.(message.from, "refused", `${message.type}: ${code}`);
  }

  onFailed(group: HostedGroup, cause: unknown): void {
    this.#writer.drop(group.group);
    this.#observer.onGroupFailed?.(group.group, cause);
  }

  /** Sees to it that a turn comes soon. */
  wake(): void {
    if (this.#isScheduled || !this.#isRunning) return;
    this.#isScheduled = true;
    this.ports.defer(() => {
      this.#isScheduled = false;
      this.#turn();
    });
  }

  // ── turns ────────────────────────────────────────────────────────────────

  #turn(): void {
    if (!this.#isRunning || this.#failure !== undefined) return;
    this.#isInTurn = true;
    for (const { from, frame } of this.#inbox.drain()) this.#takeIn(from, frame);
    const nowMs = this.ports.clock.monotonicMs();
    // Groups that get more work while at it come again, at the end.
    for (const group of this.#dirty) {
      this.#dirty.delete(group);
      group.work(nowMs);
    }
    this.#isInTurn = false;
    this.#outbox.flush();
    this.#writer.flush();
  }

  #takeIn(from: NodeId, frame: Uint8Array): void {
    this.#observer.onFrameReceived?.(from, frame.length);
    const decoded = decodeFrame(frame, { from, to: this.nodeId });
    if ("problem" in decoded) {
      this.#observer.onDropped?.(from, "malformed", decoded.problem);
      return;
    }
    for (const { group: id, message } of decoded.messages) {
      if (isResumeMessage(message)) {
        this.#deps.onResume(id, message);
        continue;
      }
      const group = this.groups.get(id);
      if (group === undefined || group.state !== "running") {
        const reason = group === undefined ? "unknown-group" : "group-failed";
        this.#observer.onDropped?.(from, reason, `group ${id}: ${message.type}`);
        continue;
      }
      const drop = whyDropped(group.config, message);
      if (drop !== undefined) {
        this.#observer.onDropped?.(from, drop.reason, `group ${id}: ${drop.what}`);
        continue;
      }
      group.step(message);
      this.#dirty.add(group);
    }
  }

  #tick(nowMs: number): void {
    this.#writer.retry();
    this.#judgeFitness();
    for (const group of this.groups.values()) {
      if (group.isAsleep) continue;
      group.tick(nowMs);
      if (group.hasWork) this.#dirty.add(group);
    }
    this.#turn();
  }

  // ── health ───────────────────────────────────────────────────────────────

  /**
   * A host that is not fit to lead hands over. When nobody takes over in an election timeout, it stops
   * speaking as a leader, so that the others elect one.
   */
  get #isMute(): boolean {
    if (this.#unfitSinceMs === undefined || this.#isResigning) return false;
    const { electionTicks, tickMs } = this.options;
    return this.ports.clock.monotonicMs() - this.#unfitSinceMs > electionTicks * tickMs;
  }

  #judgeFitness(): void {
    const isStalled = this.#writer.pendingMs > this.options.diskStallMs;
    if (isStalled !== this.#isDiskStalled) {
      this.#isDiskStalled = isStalled;
      this.#observer.onDiskStall?.(isStalled);
    }
    const isFit = !isStalled && !this.isShortOfSpace && !this.#isResigning;
    if (isFit === this.isFit) return;
    this.#unfitSinceMs = isFit ? undefined : this.ports.clock.monotonicMs();
    for (const group of this.groups.values()) {
      group.setFit(isFit);
      this.markDirty(group);
    }
  }

  #onStall(lateMs: number): void {
    for (const group of this.groups.values()) group.loseLease();
    this.#observer.onStall?.(lateMs);
  }

  #onSpace(isShort: boolean): void {
    this.#observer.onSpace?.(isShort);
    this.#judgeFitness();
  }

  /** Cutting logs does not help, or takes long: no host to lead. */
  get #isIndexStuck(): boolean {
    return (this.#writer.indexFullMs ?? 0) > this.options.diskStallMs;
  }

  #onIndexFull(): void {
    const fullMs = this.#writer.indexFullMs ?? 0;
    if (!this.#isIndexTold) this.#observer.onIndexFull?.(true);
    this.#isIndexTold = true;
    // Members that have a snapshot under way are spared for a while.
    makeRoom(this.groups.values(), fullMs * 2 < this.options.diskStallMs);
  }

  #onIndexRoom(): void {
    this.#isIndexTold = false;
    this.#observer.onIndexFull?.(false);
  }

  #onLogFailed(cause: unknown): void {
    const words = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new RaftHostError(
      { code: "RAFT_HOST_LOG_FAILED", message: `the log has failed: ${words}` },
      { cause },
    );
    this.#ticker.stop();
    this.#space?.stop();
    for (const group of this.groups.values()) group.fail(this.#failure);
    this.#observer.onLogFailed?.(cause);
  }
}

const OF_LEADERS: ReadonlySet<WireMessage["type"]> = new Set([
  "heartbeat-request",
  "append-request",
  "lease-request",
] as const);

/** What only a leader says, to stay one. */
function isOfLeader(message: WireMessage): boolean {
  return OF_LEADERS.has(message.type);
}

function ignore(): void {
  // The last commit index is worth writing, not worth a failure.
}
