/**
 * Calls between nodes over the streams of their Raft transport. {@link PeerNetwork.wrap} gives the transport
 * that a RaftHost takes: streams with our header are ours, all else goes through.
 *
 * A call is lost, never repeated: who calls knows whether repeating is safe.
 */
import { toNodeId } from "@titan/raft";
import type { OutgoingStream, PeerState, Transport, TransportHandler } from "@titan/raft/transport";
import { KvError } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { PEER_METHODS, type PeerCalls, type PeerHandler, type PeerMethod } from "./peer-calls.js";
import { PeerLink } from "./peer-link.js";
import {
  DEFAULT_PEER_LIMITS,
  newPeerStats,
  type PeerClock,
  type PeerLimits,
  type PeerRandom,
  type PeerStats,
} from "./peer-options.js";
import { PEER_STREAM_HEADER } from "./peer-record.js";

export interface PeerNetworkDeps {
  /** Of this node. */
  readonly nodeNumber: number;
  /** Not started; see {@link PeerNetwork.transport}. */
  readonly transport: Transport;
  readonly clock: PeerClock;
  readonly random: PeerRandom;
  readonly logger: Pick<Logger, "error" | "warn">;
}

/** Between looks for calls whose time is over. */
const SWEEP_MS = 25;
const TWO_TO_32 = 2 ** 32;

export class PeerNetwork implements PeerCalls {
  /** To be given to the RaftHost, which starts and closes it. */
  readonly transport: Transport;
  readonly stats: PeerStats = newPeerStats();
  readonly #deps: PeerNetworkDeps;
  readonly #limits: PeerLimits;
  readonly #epoch: number;
  readonly #handlers = new Map<number, PeerHandler>();
  readonly #links = new Map<number, PeerLink>();
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;

  constructor(deps: PeerNetworkDeps, limits: Partial<PeerLimits> = {}) {
    this.#deps = deps;
    this.#limits = { ...DEFAULT_PEER_LIMITS, ...limits };
    this.#epoch = deps.random.nextInt(TWO_TO_32);
    this.transport = new PeerTransport(deps.transport, {
      onStream: (from, chunks) => this.#link(from).receive(chunks),
      onPeerState: (peer, state) => {
        if (state === "up") this.#link(peer).onState(state);
        else this.#links.get(peer)?.onState(state);
      },
      onRemoved: (peer) => this.#forget(peer),
      onClose: () => this.#close(),
    });
  }

  serve(method: PeerMethod, handler: PeerHandler): void {
    const number = PEER_METHODS[method];
    if (this.#handlers.has(number)) throw new Error(`${method} is served already`);
    this.#handlers.set(number, handler);
  }

  call(to: number, method: PeerMethod, body: Uint8Array, limits: CallLimits): Promise<Uint8Array> {
    const number = PEER_METHODS[method];
    if (to === this.#deps.nodeNumber) return this.#callHere(number, body, limits);
    const link = this.#isClosed ? undefined : this.#links.get(to);
    if (link === undefined) {
      const message = `node ${to} cannot be reached`;
      return Promise.reject(new KvError({ code: "PEER_UNREACHABLE", message }));
    }
    this.#sweepLater();
    return link.call(number, body, limits);
  }

  /**
   * Tells all peers that this node is stopping and answers what they have asked. To be called before the transport is
   * closed, which cuts off what is under way.
   * @returns false when some peer had not heard all its answers in time
   */
  async drain(timeoutMs: number): Promise<boolean> {
    const drained = Promise.all([...this.#links.values()].map((link) => link.drain()));
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.schedule(timeoutMs, () => resolve(false));
      void drained.then(() => {
        cancel();
        resolve(true);
      });
    });
  }

  isReachable(to: number): boolean {
    return to === this.#deps.nodeNumber || this.#links.get(to)?.isReachable === true;
  }

  async #callHere(method: number, body: Uint8Array, limits: CallLimits): Promise<Uint8Array> {
    const handler = this.#handlers.get(method);
    if (handler !== undefined) return handler(this.#deps.nodeNumber, body, limits);
    throw new KvError({ code: "NOT_IMPLEMENTED", message: `method ${method} is not served` });
  }

  #link(peer: number): PeerLink {
    const known = this.#links.get(peer);
    if (known !== undefined) return known;
    const { transport, clock, random, logger } = this.#deps;
    const link = new PeerLink({
      ...{ peer, epoch: this.#epoch, transport, clock, random, logger },
      ...{ limits: this.#limits, stats: this.stats, handlers: this.#handlers },
    });
    // Bounded by the peers that the transport lets in.
    this.#links.set(peer, link);
    return link;
  }

  #forget(peer: number): void {
    this.#links.get(peer)?.close();
    this.#links.delete(peer);
  }

  #sweepLater(): void {
    if (this.#cancelSweep !== undefined) return;
    const { clock } = this.#deps;
    this.#cancelSweep = clock.schedule(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      const nowMs = clock.monotonicMs();
      let calls = 0;
      for (const link of this.#links.values()) {
        link.sweep(nowMs);
        calls += link.calls;
      }
      if (calls > 0) this.#sweepLater();
    });
  }

  #close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }
}

interface PeerTransportHooks {
  onStream(from: number, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  onPeerState(peer: number, state: PeerState): void;
  onRemoved(peer: number): void;
  onClose(): void;
}

/** The transport beneath, but for what is ours. */
class PeerTransport implements Transport {
  readonly #inner: Transport;
  readonly #hooks: PeerTransportHooks;
  #isClosed = false;

  constructor(inner: Transport, hooks: PeerTransportHooks) {
    this.#inner = inner;
    this.#hooks = hooks;
  }

  start(handler: TransportHandler): Promise<void> {
    return this.#inner.start({
      onFrame: (from, frame) => handler.onFrame(from, frame),
      onPeerState: (peer, state, reason) => {
        if (!this.#isClosed) this.#hooks.onPeerState(peer, state);
        handler.onPeerState(peer, state, reason);
      },
      onStream: (from, header, chunks) => {
        if (!isOurs(header)) return handler.onStream(from, header, chunks);
        if (this.#isClosed) return Promise.reject(new Error("the node is stopping"));
        return this.#hooks.onStream(from, chunks);
      },
    });
  }

  send(to: Parameters<Transport["send"]>[0], frame: Uint8Array): boolean {
    return this.#inner.send(to, frame);
  }

  openStream(
    to: Parameters<Transport["openStream"]>[0],
    header: Uint8Array,
  ): Promise<OutgoingStream> {
    return this.#inner.openStream(to, header);
  }

  setPeer(id: Parameters<Transport["setPeer"]>[0], address: string): void {
    this.#inner.setPeer(id, address);
  }

  removePeer(id: Parameters<Transport["removePeer"]>[0]): void {
    this.#inner.removePeer(id);
    this.#hooks.onRemoved(toNodeId(id));
  }

  get maxFrameBytes(): number {
    return this.#inner.maxFrameBytes;
  }

  queuedBytes(to: Parameters<Transport["queuedBytes"]>[0]): number {
    return this.#inner.queuedBytes(to);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#hooks.onClose();
    await this.#inner.close();
  }
}

function isOurs(header: Uint8Array): boolean {
  return Buffer.compare(header, PEER_STREAM_HEADER) === 0;
}
