/**
 * Takes in snapshots from other hosts. All of it is stored, checked and durable before the core hears of
 * it. What breaks off is kept, so that the sender can go on from there.
 *
 * Bounds: one snapshot from each host for each group; `MAX_TRANSFERS` under way, and as many that broke
 * off.
 */

import type { NodeId } from "../../core/ids.js";
import type { SnapshotRequest } from "../../core/message.js";
import { RaftHostError, type RaftHostErrorCode } from "../errors.js";
import type { HostedGroup } from "../group/hosted-group.js";
import type { HostEngine } from "../host-engine.js";
import type { ResumeMessage } from "../wire/host-message.js";
import type { GrowingFile } from "./growing-file.js";
import type { SnapshotFiles } from "./snapshot-files.js";
import { fileData } from "./snapshot-pointer.js";
import { decodeHeader, type StreamHeader } from "./stream-header.js";

const MAX_TRANSFERS = 8;

export interface SnapshotReceiverDeps {
  readonly engine: HostEngine;
  readonly files: SnapshotFiles;
}

/** A snapshot on its way here, or one that broke off. */
interface Arriving {
  readonly group: number;
  readonly name: string;
  readonly file: GrowingFile;
  isUnderWay: boolean;
}

export class SnapshotReceiver {
  readonly #deps: SnapshotReceiverDeps;
  /** By group and sender, oldest first. */
  readonly #arriving = new Map<string, Arriving>();
  readonly #underWay = new Set<Promise<void>>();
  #isClosed = false;

  constructor(deps: SnapshotReceiverDeps) {
    this.#deps = deps;
  }

  /**
   * Takes in a stream. Resolves when the snapshot is stored and the core has been told.
   * @throws RaftHostError `RAFT_HOST_UNKNOWN_GROUP`, `RAFT_HOST_OVERLOADED`,
   *   `RAFT_HOST_SNAPSHOT_DAMAGED`; what the stream and the file system throw. The sender hears of it
   */
  async receive(
    from: NodeId,
    header: Uint8Array,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { engine } = this.#deps;
    const decoded = decodeHeader(header, { from, to: engine.nodeId });
    const group = engine.groups.get(decoded.group);
    if (group === undefined || group.state !== "running") {
      throw refusal("RAFT_HOST_UNKNOWN_GROUP", `group ${decoded.group} does not run here`);
    }
    if (this.#isClosed || this.#underWay.size >= MAX_TRANSFERS) {
      throw refusal(
        "RAFT_HOST_OVERLOADED",
        `${this.#underWay.size} snapshots are on their way here`,
      );
    }
    const received = this.#receive(group, from, decoded, chunks);
    this.#underWay.add(received);
    try {
      await received;
    } catch (error) {
      engine.onSnapshotFailed(group, error);
      throw error;
    } finally {
      this.#underWay.delete(received);
    }
  }

  /** A sender asks how much is here of what broke off. */
  onQuestion(id: number, { from, to, name }: ResumeMessage): void {
    const { engine } = this.#deps;
    const group = engine.groups.get(id);
    if (group === undefined) return;
    const arriving = this.#arriving.get(keyOf(id, from));
    const isHere = arriving !== undefined && arriving.name === name && !arriving.isUnderWay;
    const offset = isHere ? arriving.file.bytes : 0;
    engine.send(group, { type: "resume-response", from: to, to: from, name, offset });
  }

  /** The group ends on this host: what broke off is of no use any more. */
  async forget(group: number): Promise<void> {
    for (const [key, arriving] of this.#arriving) {
      if (arriving.group === group && !arriving.isUnderWay) await this.#discard(key, arriving);
    }
  }

  /** Resolves when no transfer is under way; the transport's end ends them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    for (const [key, arriving] of this.#arriving) await this.#discard(key, arriving);
  }

  async #receive(
    group: HostedGroup,
    from: NodeId,
    header: StreamHeader,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const key = keyOf(group.group, from);
    const arriving = await this.#fileFor(key, header);
    arriving.isUnderWay = true;
    try {
      for await (const piece of chunks) {
        await this.#orDiscard(key, arriving, arriving.file.append(piece));
      }
    } catch (error) {
      // Cut off: what is here stays, for the next try.
      arriving.isUnderWay = false;
      throw error;
    }
    const file = await this.#orDiscard(key, arriving, arriving.file.finish());
    this.#arriving.delete(key);
    await this.#tell(group, header.message, file);
  }

  /** A new file, or the one that the stream goes on with. */
  async #fileFor(key: string, header: StreamHeader): Promise<Arriving> {
    const { group, name, offset, message } = header;
    const before = this.#arriving.get(key);
    if (before?.isUnderWay === true) {
      throw refusal("RAFT_HOST_OVERLOADED", "a snapshot of the group is on its way from there");
    }
    const isNext = before !== undefined && before.name === name && before.file.bytes === offset;
    if (isNext) return before;
    if (offset > 0) {
      throw refusal("RAFT_HOST_SNAPSHOT_DAMAGED", `nothing here that ends at byte ${offset}`);
    }
    if (before !== undefined) await this.#discard(key, before);
    await this.#makeRoom();
    const file = await this.#deps.files.begin(group, message.snapshot.meta.index);
    const arriving = { group, name, file, isUnderWay: true };
    this.#arriving.set(key, arriving);
    return arriving;
  }

  async #makeRoom(): Promise<void> {
    const idle = [...this.#arriving].filter(([, { isUnderWay }]) => !isUnderWay);
    const [oldest] = idle;
    if (idle.length >= MAX_TRANSFERS && oldest !== undefined) await this.#discard(...oldest);
  }

  /** Waits for `work` on the file; what fails there cannot be gone on with. */
  async #orDiscard<Result>(
    key: string,
    arriving: Arriving,
    work: Promise<Result>,
  ): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      await this.#discard(key, arriving);
      throw error;
    }
  }

  async #discard(key: string, arriving: Arriving): Promise<void> {
    if (this.#arriving.get(key) === arriving) this.#arriving.delete(key);
    await arriving.file.discard();
  }

  async #tell(group: HostedGroup, message: SnapshotRequest, file: string): Promise<void> {
    const { engine, files } = this.#deps;
    const { meta } = message.snapshot;
    group.step({ ...message, snapshot: { meta, data: fileData(file) } });
    // At once, to see whether the core had any use for it.
    group.work(engine.ports.clock.monotonicMs());
    engine.markDirty(group);
    if (!group.compaction.names(file)) await files.remove(file);
  }
}

function keyOf(group: number, from: NodeId): string {
  return `${group}/${from}`;
}

function refusal(code: RaftHostErrorCode, message: string): RaftHostError {
  return new RaftHostError({ code, message });
}
