/** What leaves this host: one frame per peer and turn, with the messages of all groups. */

import type { NodeId } from "../core/ids.js";
import type { Transport } from "../transport/transport.js";
import type { HostMeter } from "./observer.js";
import { FrameBuilder } from "./wire/frame-codec.js";
import type { WireMessage } from "./wire/host-message.js";

/** A group that has messages to send, and is told when they could not be. */
export interface OutboxGroup {
  readonly group: number;
  reportUnreachable(peer: NodeId): void;
}

export type FrameSender = Pick<Transport, "send" | "maxFrameBytes">;

interface OpenFrame {
  builder: FrameBuilder;
  /** Whose messages are in it. */
  readonly groups: Set<OutboxGroup>;
}

export class Outbox {
  readonly #transport: FrameSender;
  readonly #maxFrameBytes: number;
  readonly #meter: HostMeter;
  readonly #frames = new Map<NodeId, OpenFrame>();
  #dropped = 0;

  constructor(transport: FrameSender, maxFrameBytes: number, meter: HostMeter) {
    this.#transport = transport;
    this.#maxFrameBytes = maxFrameBytes;
    this.#meter = meter;
  }

  /** Frames that the transport did not take, so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Puts a message into the peer's frame of this turn. */
  add(group: OutboxGroup, message: WireMessage): void {
    const { to } = message;
    const frame = this.#frames.get(to) ?? this.#open(to);
    const { builder, groups } = frame;
    const before = builder.length;
    builder.add({ group: group.group, message });
    if (builder.length > this.#transport.maxFrameBytes && groups.size > 0) {
      // The transport would refuse all of it.
      builder.cutTo(before);
      this.#close(to, frame);
      this.add(group, message);
      return;
    }
    groups.add(group);
    if (builder.length >= this.#maxFrameBytes) this.#close(to, frame);
  }

  /** Sends all frames. */
  flush(): void {
    if (this.#frames.size === 0) return;
    const frames = [...this.#frames];
    this.#frames.clear();
    for (const [to, frame] of frames) this.#send(to, frame);
  }

  #open(to: NodeId): OpenFrame {
    const frame = { builder: new FrameBuilder(), groups: new Set<OutboxGroup>() };
    this.#frames.set(to, frame);
    return frame;
  }

  #close(to: NodeId, frame: OpenFrame): void {
    this.#frames.delete(to);
    this.#send(to, frame);
  }

  #send(to: NodeId, { builder, groups }: OpenFrame): void {
    const frame = builder.finish();
    const isTaken = this.#transport.send(to, frame);
    this.#meter.onFrameSent?.(to, frame.length, isTaken);
    if (isTaken) return;
    this.#dropped += 1;
    // Otherwise a leader would wait for an answer to what was never sent.
    for (const group of groups) group.reportUnreachable(to);
  }
}
