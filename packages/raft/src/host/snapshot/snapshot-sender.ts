/**
 * Takes snapshots from a leader to its members, each over a stream of its own, so that large chunks do not
 * hold up small frames. What breaks off goes on where it stopped.
 *
 * What is sent is always a file: that of a state machine in memory is there, that of one on disk is made for
 * the purpose. A file whose transfer broke off is kept for the next try, as long as the log still follows
 * on from it.
 *
 * Bounds: one transfer at a time to a member of a group (the core sees to it), `MAX_TRANSFERS` in all, and
 * as many files kept; bytes per second by `Pace`.
 */

import type { LogIndex, NodeId } from "../../core/ids.js";
import type { SnapshotRequest } from "../../core/message.js";
import type { SnapshotMeta } from "../../core/storage.js";
import type { OutgoingStream, Transport } from "../../transport/transport.js";
import type { HostedGroup } from "../group/hosted-group.js";
import type { HostEngine } from "../host-engine.js";
import type { ResumeMessage } from "../wire/host-message.js";
import { Pace } from "./pace.js";
import type { SnapshotFiles } from "./snapshot-files.js";
import { snapshotFile } from "./snapshot-pointer.js";
import { encodeHeader } from "./stream-header.js";

const MAX_TRANSFERS = 8;

export interface SnapshotSenderDeps {
  readonly engine: HostEngine;
  readonly transport: Pick<Transport, "openStream">;
  readonly files: SnapshotFiles;
}

/** A file to send. Held, so that it stays while it is needed. */
interface Source {
  readonly group: number;
  readonly file: string;
  readonly meta: SnapshotMeta;
  /** Made to be sent: nobody else needs it. */
  readonly isTemporary: boolean;
}

export class SnapshotSender {
  readonly #deps: SnapshotSenderDeps;
  readonly #pace: Pace;
  readonly #underWay = new Set<Promise<void>>();
  /** What is being sent, and what broke off. */
  readonly #sources = new Set<Source>();
  /** What broke off, by group and member, oldest first. */
  readonly #cut = new Map<string, Source>();
  /** Who waits to hear how much is there, by group and member. */
  readonly #asking = new Map<string, (answer: ResumeMessage) => void>();
  #isClosed = false;

  constructor(deps: SnapshotSenderDeps) {
    this.#deps = deps;
    const { ports, options } = deps.engine;
    this.#pace = new Pace(ports.clock, options.maxSnapshotBytesPerSecond);
  }

  /** Begins to send the snapshot that `message` names; the group is told how it went. */
  send(group: HostedGroup, message: SnapshotRequest): void {
    const isOnDisk = group.machineKind === "on-disk";
    if (!isOnDisk && snapshotFile(message.snapshot) === undefined) {
      // Founded and never cut since: who is in the group is all that there is to say.
      this.#deps.engine.send(group, message);
      // Nobody will hear how it went: should it be lost, probing behind it finds out.
      group.reportSnapshot(message.to, true);
      return;
    }
    if (this.#isClosed || this.#underWay.size >= MAX_TRANSFERS) {
      group.reportSnapshot(message.to, false);
      return;
    }
    const transfer = this.#transfer(group, message);
    this.#underWay.add(transfer);
    void transfer.finally(() => this.#underWay.delete(transfer));
  }

  /** Index of the group's oldest snapshot that is being sent, or whose transfer broke off. */
  oldestOf(group: number): LogIndex | undefined {
    let oldest: LogIndex | undefined;
    for (const { group: of, meta } of this.#sources) {
      if (of === group && (oldest === undefined || meta.index < oldest)) oldest = meta.index;
    }
    return oldest;
  }

  /** A member says how much it has of what broke off. */
  onAnswer(group: number, answer: ResumeMessage): void {
    this.#asking.get(keyOf(group, answer.from))?.(answer);
  }

  /** The group ends on this host: nothing is kept for it. */
  async forget(group: number): Promise<void> {
    for (const [key, source] of this.#cut) {
      if (source.group !== group) continue;
      this.#cut.delete(key);
      await this.#release(source);
    }
  }

  /** Resolves when no transfer is under way; the transport's end ends them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    for (const source of this.#cut.values()) await this.#release(source);
    this.#cut.clear();
  }

  /** Never rejects. */
  async #transfer(group: HostedGroup, message: SnapshotRequest): Promise<void> {
    const { engine } = this.#deps;
    const { to } = message;
    const key = keyOf(group.group, to);
    let isDelivered = false;
    let source: Source | undefined;
    try {
      const cut = await this.#takeCut(key, group);
      source = cut ?? (await this.#sourceOf(group, message));
      this.#sources.add(source);
      const offset = cut === undefined ? 0 : await this.#ask(group, to, cut.file);
      await this.#stream(group, message, source, offset);
      isDelivered = true;
    } catch (error) {
      engine.onSnapshotFailed(group, error);
    }
    if (source !== undefined) await this.#settle(key, source, isDelivered);
    group.reportSnapshot(to, isDelivered);
    engine.markDirty(group);
  }

  async #stream(
    group: HostedGroup,
    message: SnapshotRequest,
    { file, meta }: Source,
    offset: number,
  ): Promise<void> {
    const { transport, files } = this.#deps;
    const announced = { ...message, snapshot: { ...message.snapshot, meta } };
    const header = encodeHeader({ group: group.group, message: announced, name: file, offset });
    const stream = await transport.openStream(message.to, header);
    await this.#pour(files.readEncoded(file, offset), stream);
  }

  async #pour(chunks: AsyncIterable<Uint8Array>, stream: OutgoingStream): Promise<void> {
    try {
      for await (const chunk of chunks) {
        await this.#pace.take(chunk.length);
        await stream.write(chunk);
      }
      await stream.end();
    } catch (error) {
      stream.abort();
      throw error;
    }
  }

  async #sourceOf(group: HostedGroup, message: SnapshotRequest): Promise<Source> {
    const { files } = this.#deps;
    if (group.machineKind === "on-disk") {
      const { meta, chunks } = await group.takeSnapshot();
      const file = await files.store(group.group, meta.index, chunks);
      files.hold(file);
      return { group: group.group, file, meta, isTemporary: true };
    }
    const { snapshot } = message;
    const file = snapshotFile(snapshot) ?? "";
    files.hold(file);
    return { group: group.group, file, meta: snapshot.meta, isTemporary: false };
  }

  /** What broke off on the way there, if the log still follows on from it. */
  async #takeCut(key: string, group: HostedGroup): Promise<Source | undefined> {
    const cut = this.#cut.get(key);
    if (cut === undefined) return undefined;
    this.#cut.delete(key);
    if (cut.meta.index + 1 >= group.core.status().firstIndex) return cut;
    await this.#release(cut);
    return undefined;
  }

  async #settle(key: string, source: Source, isDelivered: boolean): Promise<void> {
    if (isDelivered || this.#isClosed) {
      await this.#release(source);
      return;
    }
    this.#cut.set(key, source);
    const [oldest] = this.#cut;
    if (this.#cut.size <= MAX_TRANSFERS || oldest === undefined) return;
    this.#cut.delete(oldest[0]);
    await this.#release(oldest[1]);
  }

  /** Never rejects. */
  async #release(source: Source): Promise<void> {
    this.#sources.delete(source);
    const { file, isTemporary } = source;
    const { files } = this.#deps;
    try {
      if (isTemporary) await files.remove(file);
      await files.release(file);
    } catch {
      // It has no meaning any more, and is removed when its group is opened next.
    }
  }

  /** How much the member has; 0 when it does not say. */
  #ask(group: HostedGroup, to: NodeId, name: string): Promise<number> {
    const { engine } = this.#deps;
    const { ports, options, nodeId } = engine;
    const key = keyOf(group.group, to);
    return new Promise((resolve) => {
      const settle = (offset: number): void => {
        cancel();
        this.#asking.delete(key);
        resolve(offset);
      };
      const patienceMs = options.electionTicks * options.tickMs;
      const cancel = ports.clock.schedule(patienceMs, () => settle(0));
      this.#asking.set(key, (answer) => {
        if (answer.name === name) settle(answer.offset);
      });
      engine.send(group, { type: "resume-request", from: nodeId, to, name, offset: 0 });
      engine.wake();
    });
  }
}

function keyOf(group: number, member: NodeId): string {
  return `${group}/${member}`;
}
