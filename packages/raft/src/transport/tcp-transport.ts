/**
 * Hosts that reach one another over TCP, with or without TLS.
 *
 * Each node dials each peer: frames go over the connection that their sender dialled, and each stream
 * has one of its own. A connection counts once both ends have said who they are and whom they mean, to
 * which cluster they belong and which version they speak. What is amiss is dropped and counted, see
 * `TcpFault`. The bytes are described in docs/formats/raft-transport.md.
 *
 * Bounds: `maxQueuedBytes` of frames per peer; one connection for frames and `maxStreamsPerPeer` streams
 * per peer and direction; `maxGuests` nodes whose address is not known; `maxHandshakes` connections of
 * unknown origin.
 */

import { type NodeId, toNodeId } from "../core/ids.js";
import { RaftTransportError } from "./errors.js";
import { TcpAcceptor } from "./tcp-acceptor.js";
import { toHostPort } from "./tcp-address.js";
import type { AgreedSocket } from "./tcp-connection.js";
import type { TcpFault } from "./tcp-faults.js";
import type { Hello, Verdict } from "./tcp-handshake.js";
import {
  type TcpContext,
  type TcpTraffic,
  type TcpTransportDeps,
  type TcpTransportOptions,
  toTcpContext,
} from "./tcp-options.js";
import { TcpPeer } from "./tcp-peer.js";
import {
  MAX_STREAM_HEADER_BYTES,
  type OutgoingStream,
  type PeerAddress,
  type Transport,
  type TransportHandler,
} from "./transport.js";

/** What there is to see of a transport, for metrics. Counts begin with it. */
export interface TcpTransportStats extends Readonly<TcpTraffic> {
  /** Open and agreed on, in both directions. */
  readonly connections: number;
  readonly faults: Readonly<Record<TcpFault, number>>;
}

export class TcpTransport implements Transport {
  readonly #context: TcpContext;
  readonly #acceptor: TcpAcceptor;
  /** Addresses wait here until the transport starts. */
  readonly #addresses = new Map<NodeId, PeerAddress>();
  readonly #peers = new Map<NodeId, TcpPeer>();
  #handler: TransportHandler | undefined;
  #state: "new" | "starting" | "running" | "closed" = "new";
  #cancelBeat: () => void = () => undefined;

  /** @throws RangeError for an option out of range and an address that cannot be read */
  constructor(deps: TcpTransportDeps, options: TcpTransportOptions = {}) {
    this.#context = toTcpContext(deps, options);
    this.#acceptor = new TcpAcceptor(this.#context, {
      judge: (hello) => this.#judge(hello),
      onAgreed: (hello, agreed) => this.#accept(hello, agreed),
    });
    for (const [id, address] of Object.entries(options.peers ?? {})) {
      if (Number(id) !== this.#context.nodeId) this.setPeer(toNodeId(Number(id)), address);
    }
  }

  /** Where it listens, with the port that it was given; empty before `start` and after `close`. */
  get address(): PeerAddress {
    return this.#acceptor.address;
  }

  get maxFrameBytes(): number {
    return this.#context.limits.maxFrameBytes;
  }

  async start(handler: TransportHandler): Promise<void> {
    if (this.#state === "closed") throw closedError();
    if (this.#state !== "new") {
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_STARTED", message: "already started" });
    }
    this.#state = "starting";
    try {
      await this.#acceptor.listen();
    } catch (error) {
      if (this.#state === "starting") this.#state = "new";
      throw error;
    }
    if (this.#isClosed) {
      await this.#acceptor.close();
      throw closedError();
    }
    this.#state = "running";
    this.#handler = {
      onFrame: (from, frame) => handler.onFrame(from, frame),
      onStream: (from, header, chunks) => handler.onStream(from, header, chunks),
      onPeerState: (peer, state, reason) => {
        if (!this.#isClosed) handler.onPeerState(peer, state, reason);
      },
    };
    for (const [id, address] of this.#addresses) this.#peer(id).moveTo(address);
    this.#beatLater();
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    if (frame.length === 0 || frame.length > this.#context.limits.maxFrameBytes) return false;
    return this.#peers.get(to)?.send(frame) ?? false;
  }

  async openStream(to: NodeId, header: Uint8Array): Promise<OutgoingStream> {
    if (header.length > MAX_STREAM_HEADER_BYTES) {
      throw new RangeError(`a stream's header has at most ${MAX_STREAM_HEADER_BYTES} bytes`);
    }
    if (this.#isClosed) throw closedError();
    const peer = this.#peers.get(to);
    if (peer === undefined) {
      const message = `no address of node ${to}`;
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_NO_PEER", message });
    }
    try {
      return await peer.openStream(header.slice());
    } catch (error) {
      throw this.#isClosed ? closedError() : error;
    }
  }

  setPeer(id: NodeId, address: PeerAddress): void {
    toHostPort(address);
    if (id === this.#context.nodeId) throw new RangeError(`node ${id} is this node`);
    if (this.#isClosed) return;
    this.#addresses.set(id, address);
    if (this.#state === "running") this.#peer(id).moveTo(address);
  }

  removePeer(id: NodeId): void {
    this.#addresses.delete(id);
    this.#peers.get(id)?.close("removed");
    this.#peers.delete(id);
  }

  queuedBytes(to: NodeId): number {
    return this.#peers.get(to)?.queuedBytes ?? 0;
  }

  stats(): TcpTransportStats {
    let connections = 0;
    for (const peer of this.#peers.values()) connections += peer.connections;
    return { ...this.#context.traffic, connections, faults: this.#context.faults.counts() };
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#cancelBeat();
    for (const peer of this.#peers.values()) peer.close("closed");
    this.#peers.clear();
    await this.#acceptor.close();
  }

  get #isClosed(): boolean {
    return this.#state === "closed";
  }

  /** What is known of a node, even if that is little. */
  #peer(id: NodeId): TcpPeer {
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    if (this.#handler === undefined) throw new Error("no peers before start");
    const peer: TcpPeer = new TcpPeer(this.#context, id, this.#handler, () => {
      if (this.#peers.get(id) === peer) this.#peers.delete(id);
    });
    this.#peers.set(id, peer);
    return peer;
  }

  #judge(hello: Hello): Verdict {
    const { nodeId, limits } = this.#context;
    const id = toNodeId(hello.from);
    if (this.#state !== "running" || id === nodeId) return "unknown-peer";
    const known = this.#peers.get(id);
    if (known !== undefined) return known.judge(hello);
    let guests = 0;
    for (const { isGuest } of this.#peers.values()) guests += isGuest ? 1 : 0;
    return guests < limits.maxGuests ? "welcome" : "unknown-peer";
  }

  #accept(hello: Hello, agreed: AgreedSocket): void {
    this.#peer(toNodeId(hello.from)).accept(hello, agreed);
  }

  #beatLater(): void {
    const { clock, limits } = this.#context;
    // One after the other: a process that stood still has not heard less of its peers for it.
    this.#cancelBeat = clock.schedule(limits.keepAliveMs, () => {
      for (const peer of this.#peers.values()) peer.beat();
      this.#beatLater();
    });
  }
}

function closedError(): RaftTransportError {
  return new RaftTransportError({ code: "RAFT_TRANSPORT_CLOSED", message: "transport is closed" });
}
