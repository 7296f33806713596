/**
 * Many Raft groups in one process: they share a log, a transport, a clock, and the turns of the host.
 */

import { type NodeId, toNodeId } from "../core/ids.js";
import type { Transport } from "../transport/transport.js";
import type { FileSystem } from "../wal/ports.js";
import { RaftHostError } from "./errors.js";
import { assertHostFramesFit } from "./frame-limits.js";
import { removalOf } from "./group/founding.js";
import type { HostedGroup } from "./group/hosted-group.js";
import { type GroupInit, openGroup } from "./group/open-group.js";
import { HostEngine } from "./host-engine.js";
import { onFiles, onLog } from "./host-failure.js";
import { type RaftHostOptions, resolveHostOptions } from "./options.js";
import type { GroupLogs, HostPorts } from "./ports.js";
import { RaftGroup } from "./raft-group.js";
import { SnapshotFiles } from "./snapshot/snapshot-files.js";
import { SnapshotReceiver } from "./snapshot/snapshot-receiver.js";
import { SnapshotSender } from "./snapshot/snapshot-sender.js";

export interface RaftHostDeps {
  /** Of this host, in all of its groups: unique for the life of the cluster, never reused. */
  readonly nodeId: number;
  /** The log of all groups. Stays the caller's, who closes it after the host. */
  readonly log: GroupLogs;
  /** The host starts it, and closes it in the end. */
  readonly transport: Transport;
  readonly ports: HostPorts;
  /** Bytes that are free where the log is; `nodeFreeBytes` on a real machine. @default not watched */
  readonly freeBytes?: () => Promise<number>;
  /** Where snapshots are kept, in files of their own. No other host may use the directory. */
  readonly snapshots: { readonly fileSystem: FileSystem; readonly directory: string };
}

/** What there is to see of a host, for metrics. */
export interface HostStatus {
  readonly nodeId: NodeId;
  readonly groups: number;
  /** Groups that this host leads. */
  readonly leads: number;
  readonly failedGroups: number;
  /** Groups that have nothing to do and cost nothing. */
  readonly sleepingGroups: number;
  /** Of frames that wait for their turn. */
  readonly inboxBytes: number;
  /** How long the write to the log under way has taken so far; 0 when there is none. */
  readonly pendingWriteMs: number;
  /** Whether this host may lead: disk and space are well, and it has not resigned. */
  readonly isFit: boolean;
  readonly isShortOfSpace: boolean;
  /** The index of the log takes no more entries: groups are cutting their logs. */
  readonly isIndexFull: boolean;
  readonly hasFailed: boolean;
}

const RESIGN_POLLS_PER_TICK = 2;

export class RaftHost {
  readonly nodeId: NodeId;
  readonly #deps: RaftHostDeps;
  readonly #engine: HostEngine;
  readonly #files: SnapshotFiles;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #handles = new Map<number, RaftGroup>();
  /** Groups that are being opened or removed. */
  readonly #changing = new Set<number>();
  #closing: Promise<void> | undefined;

  private constructor(deps: RaftHostDeps, files: SnapshotFiles, options: RaftHostOptions) {
    this.nodeId = toNodeId(deps.nodeId);
    this.#deps = deps;
    this.#files = files;
    const { log, transport, ports } = deps;
    const resolved = resolveHostOptions(options);
    this.#engine = new HostEngine({
      nodeId: this.nodeId,
      log,
      transport,
      ports,
      options: resolved,
      freeBytes: deps.freeBytes,
      sendSnapshot: (group, message) => this.#sender.send(group, message),
      onResume: (group, message) => {
        if (message.type === "resume-request") this.#receiver.onQuestion(group, message);
        else this.#sender.onAnswer(group, message);
      },
    });
    this.#sender = new SnapshotSender({ engine: this.#engine, transport, files });
    this.#receiver = new SnapshotReceiver({ engine: this.#engine, files });
  }

  /**
   * Starts a host without groups.
   * @throws RangeError for an option out of range; RaftHostError `RAFT_HOST_SETTINGS_CONFLICT` for a
   *   `maxFrameBytes` above the transport's, `RAFT_HOST_FILES_FAILED`; RaftTransportError
   */
  static async start(deps: RaftHostDeps, options: RaftHostOptions = {}): Promise<RaftHost> {
    assertHostFramesFit(resolveHostOptions(options), deps.transport.maxFrameBytes);
    const { fileSystem, directory } = deps.snapshots;
    const files = await onFiles(SnapshotFiles.open(fileSystem, directory, deps.ports.random));
    const host = new RaftHost(deps, files, options);
    const engine = host.#engine;
    await deps.transport.start({
      onFrame: (from, frame) => engine.onFrame(from, frame),
      onPeerState: (peer, state) => engine.onPeerState(peer, state),
      onStream: (from, header, chunks) => host.#receiver.receive(from, header, chunks),
    });
    engine.start();
    return host;
  }

  /**
   * Opens a group: one that the log knows, one to be founded, or one that this host is to join.
   * @throws RaftHostError `RAFT_HOST_GROUP_OPEN`, `RAFT_HOST_STATE_MISMATCH`,
   *   `RAFT_HOST_SNAPSHOT_DAMAGED`, `RAFT_HOST_LOG_FAILED`, `RAFT_HOST_CLOSED`,
   *   `RAFT_HOST_SETTINGS_CONFLICT` when its largest message does not fit a frame of the transport; RaftError
   *   `RAFT_INVARIANT` when what is stored contradicts itself; RangeError; with what log, files and state
   *   machine throw as `cause`, RaftHostError `RAFT_HOST_NO_SPACE`, `RAFT_HOST_OVERLOADED`,
   *   `RAFT_HOST_LOG_FAILED`, `RAFT_HOST_FILES_FAILED`, `RAFT_HOST_APPLY_FAILED`
   */
  async openGroup(init: GroupInit): Promise<RaftGroup> {
    this.#assertUsable();
    const { group: id } = init;
    if (this.#handles.has(id) || this.#changing.has(id)) {
      const message = `group ${id} is open already`;
      throw new RaftHostError({ code: "RAFT_HOST_GROUP_OPEN", message });
    }
    this.#changing.add(id);
    try {
      const hosted = await this.#open(init);
      this.#assertUsable();
      const handle = new RaftGroup(hosted, this.#engine);
      this.#handles.set(id, handle);
      this.#engine.add(hosted);
      return handle;
    } finally {
      this.#changing.delete(id);
    }
  }

  /** The group, if it is open on this host. */
  group(id: number): RaftGroup | undefined {
    return this.#handles.get(id);
  }

  /** Groups that are open on this host, in the order of their opening. */
  groups(): readonly RaftGroup[] {
    return [...this.#handles.values()];
  }

  /**
   * Closes a group on this host, whose log and state stay. Waits for what it is writing.
   * @throws RaftHostError `RAFT_HOST_UNKNOWN_GROUP`; `RAFT_HOST_APPLY_FAILED` when the state machine does
   *   not close: the group is closed all the same
   */
  async closeGroup(id: number): Promise<void> {
    await this.#take(id, async (hosted) => {
      await hosted.close();
      await this.#engine.settleUnderWay();
    });
  }

  /**
   * Closes a group and forgets its log, and its snapshots with it. Only for a member that has been
   * removed from the group: as a member it would have forgotten what it acknowledged. Data of a state
   * machine on disk are the caller's to remove, before this resolves or after, but not by halves.
   *
   * Term and vote stay, for good: opened again, with founders or without, the group waits to be added by
   * its members and is never founded anew. It votes for nobody until its log is as good again as the one
   * that it has forgotten: so add it as a learner first.
   * @throws RaftHostError `RAFT_HOST_UNKNOWN_GROUP`; as `openGroup` when log, files or state machine fail:
   *   the group is closed then, and not forgotten
   */
  async removeGroup(id: number): Promise<void> {
    await this.#take(id, async (hosted) => {
      await hosted.close();
      await this.#engine.settleUnderWay();
      const { log } = this.#deps;
      await onLog(log.append(removalOf(id, log.storage(id)), { sync: true }));
      await onFiles(this.#files.clean(id, undefined));
    });
  }

  /**
   * Gives up leadership of all groups, and takes none any more: for an orderly end.
   * @param timeoutMs how long to wait for successors @default 5_000
   * @returns whether all groups have been handed over
   */
  async resign(timeoutMs = 5_000): Promise<boolean> {
    const { ports, options } = this.#engine;
    const endMs = ports.clock.monotonicMs() + timeoutMs;
    this.#engine.resign();
    for (;;) {
      if (this.status().leads === 0) return true;
      const leftMs = endMs - ports.clock.monotonicMs();
      if (leftMs <= 0 || this.#closing !== undefined) return false;
      const pauseMs = Math.min(leftMs, options.tickMs / RESIGN_POLLS_PER_TICK);
      await new Promise<void>((resolve) => {
        ports.clock.schedule(pauseMs, resolve);
      });
    }
  }

  status(): HostStatus {
    const { groups, inboxBytes, pendingWriteMs, isFit, failure } = this.#engine;
    const { isShortOfSpace, isIndexFull } = this.#engine;
    const all = [...groups.values()];
    const running = all.filter(({ state }) => state === "running");
    return {
      nodeId: this.nodeId,
      groups: all.length,
      leads: running.filter(({ core }) => core.role === "leader").length,
      failedGroups: all.filter(({ state }) => state === "failed").length,
      sleepingGroups: running.filter(({ isAsleep }) => isAsleep).length,
      inboxBytes,
      pendingWriteMs,
      isFit,
      isShortOfSpace,
      isIndexFull,
      hasFailed: failure !== undefined,
    };
  }

  /**
   * Ends all groups, waits for the disk, and closes the transport; the log stays open. What waits is
   * rejected. Idempotent. Call `resign` first to spare the others an election timeout.
   * @throws RaftHostError `RAFT_HOST_APPLY_FAILED` when a state machine does not close, after all else is
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#engine.stop();
    const ends = await Promise.allSettled(
      [...this.#engine.groups.values()].map((hosted) => hosted.close()),
    );
    // First the transport: its end breaks off the streams that transfers wait for.
    await this.#deps.transport.close();
    await this.#sender.close();
    await this.#receiver.close();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  #open(init: GroupInit): Promise<HostedGroup> {
    const { observer } = this.#engine.options;
    return openGroup(
      {
        context: this.#engine,
        log: this.#deps.log,
        files: this.#files,
        onEvent: (group, event) => {
          if (event.type === "snapshot-needed") this.#engine.groups.get(group)?.requestSnapshot();
          observer.onGroupEvent?.(group, event);
        },
        maxFrameBytes: this.#deps.transport.maxFrameBytes,
        onCompacted: (group, index) => observer.onCompacted?.(group, index),
        onSnapshotFailed: (group, error) => observer.onSnapshotFailed?.(group, error),
        wake: () => this.#engine.wake(),
        oldestSent: (group) => this.#sender.oldestOf(group),
      },
      init,
    );
  }

  async #take(id: number, end: (hosted: HostedGroup) => Promise<void>): Promise<void> {
    this.#assertUsable();
    const hosted = this.#engine.groups.get(id);
    if (hosted === undefined) {
      const message = `group ${id} is not open on this host`;
      throw new RaftHostError({ code: "RAFT_HOST_UNKNOWN_GROUP", message });
    }
    this.#changing.add(id);
    this.#handles.delete(id);
    this.#engine.delete(hosted);
    try {
      await end(hosted);
      await this.#sender.forget(id);
      await this.#receiver.forget(id);
    } finally {
      this.#changing.delete(id);
    }
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) {
      throw new RaftHostError({ code: "RAFT_HOST_CLOSED", message: "the host is closed" });
    }
    const { failure } = this.#engine;
    if (failure !== undefined) throw failure;
  }
}
