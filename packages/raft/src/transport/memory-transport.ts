/** One node's end of a {@link MemoryNetwork}. */

import type { NodeId } from "../core/ids.js";
import { RaftTransportError, wordsOf } from "./errors.js";
import type { MemoryNetwork } from "./memory-network.js";
import { MemoryStream } from "./memory-stream.js";
import {
  MAX_STREAM_HEADER_BYTES,
  type OutgoingStream,
  type PeerState,
  type Transport,
  type TransportHandler,
} from "./transport.js";

/** What is known of a peer. */
interface Peer {
  /** As last told to the handler. */
  told: PeerState;
  queuedBytes: number;
  /** Frames of this turn, which arrive together. */
  batch: Uint8Array[];
}

export class MemoryTransport implements Transport {
  readonly #id: NodeId;
  readonly #network: MemoryNetwork;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #streams = new Set<MemoryStream>();
  #handler: TransportHandler | undefined;
  #isClosed = false;

  /** @internal Use {@link MemoryNetwork.transport}. */
  constructor(id: NodeId, network: MemoryNetwork) {
    this.#id = id;
    this.#network = network;
  }

  get maxFrameBytes(): number {
    return this.#network.maxFrameBytes;
  }

  async start(handler: TransportHandler): Promise<void> {
    if (this.#isClosed) throw closedError();
    if (this.#handler !== undefined) {
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_STARTED", message: "already started" });
    }
    if (!this.#network.join(this.#id, this)) {
      const message = `node ${this.#id} runs already`;
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_LISTEN_FAILED", message });
    }
    this.#handler = handler;
    this.lookAround();
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    const peer = this.#peers.get(to);
    if (peer === undefined || !this.#reaches(to)) return false;
    const { maxFrameBytes, maxQueuedBytes } = this.#network;
    if (frame.length === 0 || frame.length > maxFrameBytes) return false;
    if (peer.queuedBytes + frame.length > maxQueuedBytes) return false;
    peer.queuedBytes += frame.length;
    // A copy: over a wire, too, neither end sees what the other does to its bytes later.
    peer.batch.push(frame.slice());
    if (peer.batch.length === 1) this.#network.later(() => this.#deliver(to, peer));
    return true;
  }

  async openStream(to: NodeId, header: Uint8Array): Promise<OutgoingStream> {
    if (header.length > MAX_STREAM_HEADER_BYTES) {
      throw new RangeError(`a stream's header has at most ${MAX_STREAM_HEADER_BYTES} bytes`);
    }
    if (this.#isClosed) throw closedError();
    if (!this.#peers.has(to)) {
      const message = `no address of node ${to}`;
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_NO_PEER", message });
    }
    const copy = header.slice();
    await new Promise<void>((resolve) => this.#network.later(resolve));
    const receiver = this.#network.running(to);
    if (!this.#reaches(to) || receiver === undefined) {
      const message = `node ${to} does not answer`;
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_UNREACHABLE", message });
    }
    const stream = new MemoryStream((run) => this.#network.later(run), [this.#id, to]);
    for (const end of [this, receiver]) end.#hold(stream);
    stream.runReceiver(receiver.#receive(this.#id, copy, stream));
    return stream;
  }

  setPeer(id: NodeId, _address: string): void {
    if (id === this.#id) throw new RangeError(`node ${id} is this node`);
    if (!this.#peers.has(id)) this.#peers.set(id, { told: "down", queuedBytes: 0, batch: [] });
    this.lookAround();
  }

  removePeer(id: NodeId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    this.#peers.delete(id);
    this.#cutStreams((stream) => stream.ends.includes(id));
    if (peer.told === "up") this.#network.later(() => this.#tell(id, "down", "removed"));
  }

  queuedBytes(to: NodeId): number {
    return this.#peers.get(to)?.queuedBytes ?? 0;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#handler !== undefined) this.#network.leave(this.#id);
    this.#cutStreams(() => true);
  }

  /** @internal Tells the handler of peers that came or went, in a later turn. */
  lookAround(): void {
    if (this.#handler === undefined) return;
    this.#network.later(() => {
      for (const [id, peer] of this.#peers) {
        const state = this.#network.running(id) === undefined ? "down" : "up";
        if (state === peer.told) continue;
        peer.told = state;
        this.#tell(id, state, state === "down" ? "closed" : undefined);
      }
    });
  }

  #reaches(to: NodeId): boolean {
    return (
      this.#handler !== undefined && !this.#isClosed && this.#network.running(to) !== undefined
    );
  }

  #tell(id: NodeId, state: PeerState, reason?: string): void {
    if (!this.#isClosed) this.#handler?.onPeerState(id, state, reason);
  }

  #deliver(to: NodeId, peer: Peer): void {
    const frames = peer.batch;
    peer.batch = [];
    for (const frame of frames) {
      peer.queuedBytes -= frame.length;
      const receiver = this.#network.running(to);
      const isKnown = this.#peers.get(to) === peer && !this.#isClosed;
      if (isKnown && receiver !== undefined) receiver.#handler?.onFrame(this.#id, frame);
    }
  }

  async #receive(from: NodeId, header: Uint8Array, stream: MemoryStream): Promise<void> {
    if (this.#handler === undefined) throw new Error("not started");
    try {
      await this.#handler.onStream(from, header, stream.chunks);
    } catch (error) {
      const message = wordsOf(error);
      const code = "RAFT_TRANSPORT_STREAM_REFUSED";
      throw new RaftTransportError({ code, message }, { cause: error });
    }
  }

  #hold(stream: MemoryStream): void {
    this.#streams.add(stream);
    stream.onSettled(() => this.#streams.delete(stream));
  }

  #cutStreams(isMeant: (stream: MemoryStream) => boolean): void {
    for (const stream of this.#streams) if (isMeant(stream)) stream.abort();
  }
}

function closedError(): RaftTransportError {
  return new RaftTransportError({ code: "RAFT_TRANSPORT_CLOSED", message: "transport is closed" });
}
