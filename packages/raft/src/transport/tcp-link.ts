/**
 * The way for frames to one peer: one connection, dialled by this end, and dialled again whenever it is
 * lost, ever more patiently as long as that does not help.
 */

import type { NodeId } from "../core/ids.js";
import { type AgreedSocket, TcpConnection } from "./tcp-connection.js";
import { dial } from "./tcp-dial.js";
import type { TcpContext } from "./tcp-options.js";
import { RECORD_KIND } from "./tcp-record.js";
import type { PeerAddress, PeerState } from "./transport.js";

export interface TcpLinkEvents {
  onState(state: PeerState, reason?: string): void;
}

/** Doubling more often than this changes nothing any more. */
const MAX_DOUBLINGS = 30;

export class TcpLink {
  readonly peer: NodeId;
  readonly address: PeerAddress;
  readonly #context: TcpContext;
  readonly #events: TcpLinkEvents;
  readonly #end = new AbortController();
  #connection: TcpConnection | undefined;
  #cancelRedial: (() => void) | undefined;
  /** In a row, without a connection that held. */
  #failures = 0;
  #upSinceMs = 0;

  constructor(context: TcpContext, peer: NodeId, address: PeerAddress, events: TcpLinkEvents) {
    this.peer = peer;
    this.address = address;
    this.#context = context;
    this.#events = events;
  }

  get queuedBytes(): number {
    return this.#connection?.queuedBytes ?? 0;
  }

  /** Begins to dial. */
  start(): void {
    void this.#dial();
  }

  /** @returns false when the frame was dropped */
  send(frame: Uint8Array): boolean {
    const connection = this.#connection;
    if (connection === undefined || connection.isOver) return false;
    const { maxQueuedBytes } = this.#context.limits;
    if (connection.queuedBytes + frame.length > maxQueuedBytes) {
      this.#context.faults.add("queue-full", { peer: this.peer, address: this.address });
      return false;
    }
    connection.send(RECORD_KIND.frame, frame);
    this.#context.traffic.framesSent += 1;
    return true;
  }

  /** The peer has been seen alive: do not wait for long before it is dialled. */
  hurry(): void {
    if (this.#cancelRedial === undefined || this.#failures <= 1) return;
    this.#failures = 0;
    this.#redialLater();
  }

  beat(): void {
    this.#connection?.beat();
  }

  /** Ends it for good. No event follows. */
  close(): void {
    this.#end.abort();
    this.#cancelRedial?.();
    this.#cancelRedial = undefined;
    this.#connection?.destroy("closed");
    this.#connection = undefined;
  }

  async #dial(): Promise<void> {
    const { signal } = this.#end;
    const target = { peer: this.peer, address: this.address, purpose: "frames" as const };
    try {
      const agreed = await dial(this.#context, target, signal);
      if (signal.aborted) agreed.socket.destroy();
      else this.#connect(agreed);
    } catch {
      // Counted, if it is a fault; a peer that does not run is none.
      if (!signal.aborted) this.#onLost();
    }
  }

  #connect(agreed: AgreedSocket): void {
    this.#upSinceMs = this.#context.clock.monotonicMs();
    this.#connection = new TcpConnection(this.#context, this.peer, agreed, {
      // Frames go one way: each end dials for its own.
      maxBytes: () => -1,
      onRecord: () => undefined,
      onClosed: (reason) => {
        if (this.#end.signal.aborted) return;
        const { clock, limits } = this.#context;
        const heldMs = clock.monotonicMs() - this.#upSinceMs;
        // One that breaks at once, each time, is no better than none.
        if (heldMs >= limits.maxRedialMs) this.#failures = 0;
        this.#connection = undefined;
        this.#events.onState("down", reason);
        this.#onLost();
      },
    });
    this.#events.onState("up");
  }

  #onLost(): void {
    this.#failures = Math.min(this.#failures + 1, MAX_DOUBLINGS);
    this.#redialLater();
  }

  #redialLater(): void {
    const { clock, random, limits } = this.#context;
    const doublings = Math.max(0, this.#failures - 1);
    const wholeMs = Math.min(limits.maxRedialMs, limits.minRedialMs * 2 ** doublings);
    const delayMs = wholeMs - random.nextInt(Math.floor(wholeMs / 2) + 1);
    this.#cancelRedial?.();
    this.#cancelRedial = clock.schedule(delayMs, () => {
      this.#cancelRedial = undefined;
      void this.#dial();
    });
  }
}
