/**
 * Takes snapshots from leader to member, each over a stream of its own, so that large chunks do not hold
 * up small frames.
 *
 * The stream's header is one frame with one snapshot-request, whose snapshot carries no data; its body
 * is the chunks of `snapshot-format.ts`. The receiver stores and checks all of it, and only then is the
 * core told, with a pointer to the file.
 *
 * Bounds: one transfer at a time from this host to a member of a group (the core sees to it); as many at
 * once as `MAX_TRANSFERS`, each way, over all groups. One more is refused, and tried again later.
 */

import { NO_BYTES } from "../../core/entry.js";
import type { NodeId } from "../../core/ids.js";
import type { SnapshotRequest } from "../../core/message.js";
import type { OutgoingStream, Transport } from "../../transport/transport.js";
import { RaftHostError, type RaftHostErrorCode } from "../errors.js";
import type { HostedGroup } from "../group/hosted-group.js";
import type { HostEngine } from "../host-engine.js";
import { decodeFrame, encodeFrame } from "../wire/frame-codec.js";
import type { SnapshotFiles } from "./snapshot-files.js";
import { fileData, snapshotFile } from "./snapshot-pointer.js";

const MAX_TRANSFERS = 8;

export interface SnapshotTransfersDeps {
  readonly engine: HostEngine;
  readonly transport: Transport;
  readonly files: SnapshotFiles;
}

export class SnapshotTransfers {
  readonly #deps: SnapshotTransfersDeps;
  readonly #underWay = new Set<Promise<void>>();
  #sending = 0;
  #receiving = 0;
  #isClosed = false;

  constructor(deps: SnapshotTransfersDeps) {
    this.#deps = deps;
  }

  /** Begins to send the snapshot that `message` names; the group is told how it went. */
  send(group: HostedGroup, message: SnapshotRequest): void {
    // One on disk makes a snapshot when asked. The file that it was once restored from is gone.
    const isOnDisk = group.machineKind === "on-disk";
    const file = isOnDisk ? undefined : snapshotFile(message.snapshot);
    if (file === undefined && !isOnDisk) {
      // Founded and never cut since: who is in the group is all that there is to say.
      this.#deps.engine.send(group, message);
      return;
    }
    if (this.#isClosed || this.#sending >= MAX_TRANSFERS) {
      group.reportSnapshot(message.to, false);
      return;
    }
    this.#sending += 1;
    this.#track(this.#send(group, message, file));
  }

  /**
   * Takes in a snapshot from another host. Resolves when it is stored and the core has been told.
   * @throws RaftHostError `RAFT_HOST_UNKNOWN_GROUP`, `RAFT_HOST_OVERLOADED`,
   *   `RAFT_HOST_SNAPSHOT_DAMAGED`; what the stream and the file system throw. The sender hears of it
   */
  async receive(
    from: NodeId,
    header: Uint8Array,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { engine } = this.#deps;
    const { group: id, message } = readHeader(header, { from, to: engine.nodeId });
    const group = engine.groups.get(id);
    if (group === undefined || group.state !== "running") {
      throw refusal("RAFT_HOST_UNKNOWN_GROUP", `group ${id} does not run here`);
    }
    if (this.#isClosed || this.#receiving >= MAX_TRANSFERS) {
      throw refusal("RAFT_HOST_OVERLOADED", `${this.#receiving} snapshots are on their way here`);
    }
    this.#receiving += 1;
    const received = this.#receive(group, message, chunks);
    this.#track(received);
    await received;
  }

  /** Resolves when no transfer is under way; the transport's end ends them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
  }

  #track(transfer: Promise<void>): void {
    this.#underWay.add(transfer);
    const forget = (): void => {
      this.#underWay.delete(transfer);
    };
    transfer.then(forget, forget);
  }

  async #send(
    group: HostedGroup,
    message: SnapshotRequest,
    file: string | undefined,
  ): Promise<void> {
    const { engine, files, transport } = this.#deps;
    let isDelivered = false;
    try {
      const { meta, chunks } =
        file === undefined
          ? await group.takeSnapshot()
          : { meta: message.snapshot.meta, chunks: files.readEncoded(file) };
      const announced = { ...message, snapshot: { meta, data: NO_BYTES } };
      const header = encodeFrame([{ group: group.group, message: announced }]);
      const stream = await transport.openStream(message.to, header);
      await pour(chunks, stream);
      isDelivered = true;
    } catch (error) {
      engine.onSnapshotFailed(group, error);
    } finally {
      this.#sending -= 1;
      group.reportSnapshot(message.to, isDelivered);
      engine.markDirty(group);
    }
  }

  async #receive(
    group: HostedGroup,
    message: SnapshotRequest,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { engine, files } = this.#deps;
    const { meta } = message.snapshot;
    try {
      const file = await files.store(group.group, meta.index, chunks);
      group.step({ ...message, snapshot: { meta, data: fileData(file) } });
      // At once, to see whether the core had any use for it.
      group.work(engine.ports.clock.monotonicMs());
      engine.markDirty(group);
      if (!group.usesSnapshotFile(file)) await files.remove(file);
    } catch (error) {
      engine.onSnapshotFailed(group, error);
      throw error;
    } finally {
      this.#receiving -= 1;
    }
  }
}

/** @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED` */
function readHeader(
  header: Uint8Array,
  ends: { readonly from: NodeId; readonly to: NodeId },
): { readonly group: number; readonly message: SnapshotRequest } {
  const decoded = decodeFrame(header, ends);
  if ("problem" in decoded) throw refusal("RAFT_HOST_SNAPSHOT_DAMAGED", decoded.problem);
  const [first, ...others] = decoded.messages;
  // The data of a snapshot is a pointer to a file of its host's own.
  const isSnapshot =
    first?.message.type === "snapshot-request" && first.message.snapshot.data.length === 0;
  if (!isSnapshot || others.length > 0) {
    throw refusal("RAFT_HOST_SNAPSHOT_DAMAGED", "no header of a snapshot");
  }
  return { group: first.group, message: first.message };
}

function refusal(code: RaftHostErrorCode, message: string): RaftHostError {
  return new RaftHostError({ code, message });
}

async function pour(chunks: AsyncIterable<Uint8Array>, stream: OutgoingStream): Promise<void> {
  try {
    for await (const chunk of chunks) await stream.write(chunk);
    await stream.end();
  } catch (error) {
    stream.abort();
    throw error;
  }
}
