/**
 * What carries bytes between the hosts of a cluster. Two lanes: frames, small and best effort, and
 * streams, long and in order, each apart from all else so that a snapshot does not hold up a heartbeat.
 *
 * A frame may be lost, repeated or overtaken; it is never changed, and never handed to another node
 * than the one it was sent to. Raft asks no more.
 */

import type { NodeId } from "../core/ids.js";

/** Where a peer listens, as the implementation reads it: `"host:port"` over TCP. */
export type PeerAddress = string;

/** Whether frames to a peer have a way to go. A peer begins as `"down"`. */
export type PeerState = "up" | "down";

/** What a transport calls. No method may throw, and none is called within a call of the transport. */
export interface TransportHandler {
  /**
   * A frame has come in.
   * @param from who sent it, as the transport's handshake found
   * @param frame the handler's to keep, not to change: it may be a view of a larger buffer that
   *   holds other frames too (over TCP, one of at most 64 KiB or of this frame alone)
   */
  onFrame(from: NodeId, frame: Uint8Array): void;
  /** The way to `peer` opened or was lost; comes once per change. `reason` is for people. */
  onPeerState(peer: NodeId, state: PeerState, reason?: string): void;
  /**
   * A peer has opened a stream. The sender is held back when `chunks` are not taken. The promise's end
   * is the sender's answer: fulfilled, its `end` is; rejected, its `end` fails with
   * `RAFT_TRANSPORT_STREAM_REFUSED` and the words of the error.
   * @param header as given to {@link Transport.openStream}; the handler's to keep
   * @param chunks what was written, perhaps cut elsewhere than between writes; the handler's to keep.
   *   Ends where the sender ended it; throws `RAFT_TRANSPORT_STREAM_CUT` when the rest is lost
   */
  onStream(from: NodeId, header: Uint8Array, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * The sending end of a stream. All failures are `RaftTransportError`s: `RAFT_TRANSPORT_STREAM_CUT` when
 * the way was lost, `RAFT_TRANSPORT_STREAM_REFUSED` when the receiver gave up. A failed stream stays so.
 */
export interface OutgoingStream {
  /**
   * Sends all of `chunk`, after the ones before. Resolves when there is room for more: await it before
   * the next call, which is how memory stays bounded.
   * @param chunk of any size; leave it alone until the promise has settled
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the stream. Resolves once the receiver's `onStream` has: it has taken in everything. */
  end(): Promise<void>;
  /** Gives up: the receiver's `chunks` throw. Idempotent; nothing happens after `end` has resolved. */
  abort(): void;
}

export interface Transport {
  /** Bytes of the largest frame that {@link Transport.send} takes. */
  readonly maxFrameBytes: number;
  /**
   * Begins to listen and to look for the peers. Before it only `setPeer` and `removePeer` are of use.
   * @throws RaftTransportError `RAFT_TRANSPORT_STARTED`, `RAFT_TRANSPORT_CLOSED`,
   *   `RAFT_TRANSPORT_LISTEN_FAILED`
   */
  start(handler: TransportHandler): Promise<void>;
  /**
   * Sends a frame, best effort. Never throws, never waits.
   * @param frame not empty; the transport's from now on, so do not change it
   * @returns false when it was dropped at once: no such peer, no way to it now, a full queue (the frames
   *   before it stay, this one is refused), or a size of nothing or above the transport's limit
   */
  send(to: NodeId, frame: Uint8Array): boolean;
  /**
   * Opens a stream to a peer. Resolves when the peer has agreed to talk.
   * @param header told to the receiver first; at most 64 KiB
   * @throws RaftTransportError `RAFT_TRANSPORT_NO_PEER`, `RAFT_TRANSPORT_UNREACHABLE`,
   *   `RAFT_TRANSPORT_STREAM_LIMIT`, `RAFT_TRANSPORT_CLOSED`; RangeError for a header too large
   */
  openStream(to: NodeId, header: Uint8Array): Promise<OutgoingStream>;
  /**
   * Adds a peer, or moves it to another address; frames under way to the old one may be lost.
   * @throws RangeError for an address that cannot be read, and for this node's own id
   */
  setPeer(id: NodeId, address: PeerAddress): void;
  /** Forgets a peer and ends all connections with it. Nothing happens when there is none. */
  removePeer(id: NodeId): void;
  /** Bytes of frames accepted for `to` and not yet handed on; 0 for an unknown peer. */
  queuedBytes(to: NodeId): number;
  /** Ends everything; the handler is not called any more once it has resolved. Idempotent. */
  close(): Promise<void>;
}

/** Largest header of a stream. */
export const MAX_STREAM_HEADER_BYTES = 65_536;
