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

interface OpenFrame {
  builder: FrameBuilder;
  /** Whose messages are in it. */
  readonly groups: Set<OutboxGroup>;
}

export class Outbox {
  readonly #transport: Pick<Transport, "send">;
  readonly #maxFrameBytes: number;
  readonly #meter: HostMeter;
  readonly #frames = new Map<NodeId, OpenFrame>();
  #dropped = 0;

  constructor(transport: Pick<Transport, "send">, maxFrameBytes: number, meter: HostMeter) {
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
    let frame = this.#frames.get(message.to);
    if (frame === undefined) {
      frame = { builder: new FrameBuilder(), groups: new Set() };
      this.#frames.set(message.to, frame);
    }
    frame.builder.add({ group: group.group, message });
    frame.groups.add(group);
    if (frame.builder.length >= this.#maxFrameBytes) {
      this.#frames.delete(message.to);
      this.#send(message.to, frame);
    }
  }

  /** Sends all frames. */
  flush(): void {
    if (this.#frames.size === 0) return;
    const frames = [...this.#frames];
    this.#frames.clear();
    for (const [to, frame] of frames) this.#send(to, frame);
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
