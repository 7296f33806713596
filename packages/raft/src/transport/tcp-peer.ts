/**
 * All connections with one node: the link for frames to it, the one for frames from it, and streams. A
 * node whose address is not known is a guest: it is listened to, and forgotten when it has gone.
 */

import type { NodeId } from "../core/ids.js";
import { RaftTransportError } from "./errors.js";
import { type AgreedSocket, TcpConnection } from "./tcp-connection.js";
import { dial } from "./tcp-dial.js";
import type { Hello, Verdict } from "./tcp-handshake.js";
import { TcpIncomingStream } from "./tcp-incoming-stream.js";
import { TcpLink } from "./tcp-link.js";
import type { TcpContext } from "./tcp-options.js";
import { TcpOutgoingStream } from "./tcp-outgoing-stream.js";
import { RECORD_KIND } from "./tcp-record.js";
import type { OutgoingStream, PeerAddress, PeerState, TransportHandler } from "./transport.js";

export class TcpPeer {
  readonly id: NodeId;
  readonly #context: TcpContext;
  readonly #handler: TransportHandler;
  /** Called when a guest has no connection any more. */
  readonly #onGone: () => void;
  #link: TcpLink | undefined;
  #incoming: TcpConnection | undefined;
  readonly #outgoingStreams = new Set<TcpOutgoingStream>();
  readonly #incomingStreams = new Set<TcpIncomingStream>();
  /** Streams that are being dialled. */
  #dialling = 0;
  readonly #end = new AbortController();
  #state: PeerState = "down";

  constructor(context: TcpContext, id: NodeId, handler: TransportHandler, onGone: () => void) {
    this.id = id;
    this.#context = context;
    this.#handler = handler;
    this.#onGone = onGone;
  }

  /** As last told to the handler. */
  get state(): PeerState {
    return this.#state;
  }

  get isGuest(): boolean {
    return this.#link === undefined;
  }

  get queuedBytes(): number {
    return this.#link?.queuedBytes ?? 0;
  }

  get connections(): number {
    const { size: outgoing } = this.#outgoingStreams;
    const frames = (this.#state === "up" ? 1 : 0) + (this.#incoming === undefined ? 0 : 1);
    return frames + outgoing + this.#incomingStreams.size;
  }

  /** Dials the peer there from now on, and nowhere else. */
  moveTo(address: PeerAddress): void {
    if (this.#link?.address === address) return;
    this.#link?.close();
    this.#tellDownLater("its address has changed");
    for (const stream of this.#outgoingStreams) stream.abort();
    this.#link = new TcpLink(this.#context, this.id, address, {
      onState: (state, reason) => {
        this.#state = state;
        this.#handler.onPeerState(this.id, state, reason);
      },
    });
    this.#link.start();
  }

  send(frame: Uint8Array): boolean {
    return this.#link?.send(frame) ?? false;
  }

  /** Gives a sign of life on all connections. */
  beat(): void {
    this.#link?.beat();
    this.#incoming?.beat();
    for (const stream of [...this.#outgoingStreams, ...this.#incomingStreams]) {
      stream.connection.beat();
    }
  }

  /**
   * @throws RaftTransportError `RAFT_TRANSPORT_NO_PEER`, `RAFT_TRANSPORT_UNREACHABLE`,
   *   `RAFT_TRANSPORT_STREAM_LIMIT`
   */
  async openStream(header: Uint8Array): Promise<OutgoingStream> {
    const address = this.#link?.address;
    if (address === undefined) {
      const message = `no address of node ${this.id}`;
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_NO_PEER", message });
    }
    const { maxStreamsPerPeer } = this.#context.limits;
    if (this.#outgoingStreams.size + this.#dialling >= maxStreamsPerPeer) {
      const message = `${maxStreamsPerPeer} streams to node ${this.id} are open already`;
      throw new RaftTransportError({ code: "RAFT_TRANSPORT_STREAM_LIMIT", message });
    }
    const { signal } = this.#end;
    this.#dialling += 1;
    try {
      const target = { peer: this.id, address, purpose: "stream" } as const;
      const agreed = await dial(this.#context, target, signal);
      const stream: TcpOutgoingStream = new TcpOutgoingStream(this.#context, this.id, agreed, {
        header,
        onSettled: () => this.#outgoingStreams.delete(stream),
      });
      this.#outgoingStreams.add(stream);
      // Between the end of the handshake and here.
      if (signal.aborted) stream.abort();
      return stream;
    } finally {
      this.#dialling -= 1;
    }
  }

  /** Whether there is room for what the peer has dialled for. */
  judge({ purpose }: Hello): Verdict {
    if (purpose === "frames") return "welcome";
    const { maxStreamsPerPeer } = this.#context.limits;
    if (this.#incomingStreams.size >= maxStreamsPerPeer) this.#dropAnswered();
    return this.#incomingStreams.size < maxStreamsPerPeer ? "welcome" : "stream-limit";
  }

  /** Takes a connection that the peer has dialled. */
  accept({ purpose }: Hello, agreed: AgreedSocket): void {
    this.#link?.hurry();
    if (purpose === "frames") this.#acceptFrames(agreed);
    else this.#acceptStream(agreed);
  }

  /** Ends all connections. The handler hears no more than that the peer is down, if it was up. */
  close(reason: string): void {
    this.#end.abort();
    this.#link?.close();
    this.#tellDownLater(reason);
    this.#incoming?.destroy(reason);
    for (const stream of this.#outgoingStreams) stream.abort();
    for (const stream of this.#incomingStreams) stream.connection.destroy(reason);
  }

  /** Who asks for another stream has our answer to an earlier one, or does not care for it. */
  #dropAnswered(): void {
    for (const stream of this.#incomingStreams) {
      if (!stream.isAnswered) continue;
      this.#incomingStreams.delete(stream);
      stream.connection.destroy("answered");
    }
  }

  #tellDownLater(reason: string): void {
    if (this.#state === "down") return;
    this.#state = "down";
    process.nextTick(() => this.#handler.onPeerState(this.id, "down", reason));
  }

  #onConnectionClosed(): void {
    if (this.isGuest && this.#incoming === undefined && this.#incomingStreams.size === 0) {
      this.#onGone();
    }
  }

  #acceptFrames(agreed: AgreedSocket): void {
    // A peer has one such connection: when it dials again, it knows the other one to be lost.
    this.#incoming?.fail("displaced", "the peer has dialled again");
    const { traffic, limits } = this.#context;
    const connection: TcpConnection = new TcpConnection(this.#context, this.id, agreed, {
      maxBytes: (kind) => (kind === RECORD_KIND.frame ? limits.maxFrameBytes : -1),
      onRecord: (_kind, frame) => {
        traffic.framesReceived += 1;
        this.#handler.onFrame(this.id, frame);
      },
      onClosed: () => {
        if (this.#incoming === connection) this.#incoming = undefined;
        this.#onConnectionClosed();
      },
    });
    this.#incoming = connection;
  }

  #acceptStream(agreed: AgreedSocket): void {
    const stream: TcpIncomingStream = new TcpIncomingStream(this.#context, this.id, agreed, {
      onStream: (from, header, chunks) => this.#handler.onStream(from, header, chunks),
      onClosed: () => {
        this.#incomingStreams.delete(stream);
        this.#onConnectionClosed();
      },
    });
    this.#incomingStreams.add(stream);
  }
}
