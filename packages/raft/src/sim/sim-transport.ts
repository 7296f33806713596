/** One node's end of the network, for one incarnation of its process. */

import type { NodeId } from "../core/ids.js";
import { decodeHeader } from "../host/snapshot/stream-header.js";
import { RaftTransportError } from "../transport/errors.js";
import type { OutgoingStream, Transport, TransportHandler } from "../transport/transport.js";
import type { SimNetwork } from "./sim-network.js";
import type { SimProcess } from "./sim-process.js";
import { SimStream } from "./sim-stream.js";

export class SimTransport implements Transport {
  readonly maxFrameBytes = Number.MAX_SAFE_INTEGER;
  readonly id: number;
  readonly process: SimProcess;
  /** Tells this incarnation's connections from those of others. */
  readonly generation: number;
  readonly #network: SimNetwork;
  /** Peers that there is a connection to, with the generation of their end. */
  readonly #peers = new Map<number, number>();
  #handler: TransportHandler | undefined;

  constructor(network: SimNetwork, id: number, process: SimProcess) {
    this.#network = network;
    this.id = id;
    this.process = process;
    this.generation = network.nextGeneration();
  }

  get handler(): TransportHandler | undefined {
    return this.#handler;
  }

  start(handler: TransportHandler): Promise<void> {
    this.#handler = handler;
    this.#network.attach(this);
    return Promise.resolve();
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    if (this.#handler === undefined || !this.#peers.has(to)) return false;
    this.#network.carry(this.id, to, frame);
    return true;
  }

  openStream(to: NodeId, header: Uint8Array): Promise<OutgoingStream> {
    const copy = header.slice();
    return new Promise((resolve, reject) => {
      this.process.after(this.#network.latencyUs(), () => {
        const receiver = this.#network.end(to);
        const isReachable = receiver !== undefined && !this.#network.isCut(this.id, to);
        if (!isReachable || receiver.handler === undefined || receiver.process.isPaused) {
          const message = `node ${to} does not answer`;
          reject(new RaftTransportError({ code: "RAFT_TRANSPORT_UNREACHABLE", message }));
          return;
        }
        this.#noteStream(to, copy);
        resolve(new SimStream(this.#network, { from: this, to: receiver }, copy));
      });
    });
  }

  /** Only looks: the receiver judges for itself. */
  #noteStream(to: NodeId, header: Uint8Array): void {
    const { offset } = decodeHeader(header, { from: this.id as NodeId, to });
    if (offset > 0) this.#network.deps.coverage.hit("snapshot-resumed");
  }

  setPeer(): void {
    // Everybody is known.
  }

  removePeer(): void {
    // And stays so.
  }

  queuedBytes(): number {
    return 0;
  }

  close(): Promise<void> {
    this.#handler = undefined;
    this.#network.detach(this);
    return Promise.resolve();
  }

  receive(from: number, frame: Uint8Array): void {
    this.#handler?.onFrame(from as NodeId, frame);
  }

  /** @param generation of the peer's end; undefined when there is no connection */
  hearOf(peer: number, generation: number | undefined): void {
    const known = this.#peers.get(peer);
    if (known === generation) return;
    if (known !== undefined) {
      this.#peers.delete(peer);
      this.#handler?.onPeerState(peer as NodeId, "down", "the connection is lost");
    }
    if (generation === undefined) return;
    this.#peers.set(peer, generation);
    this.#handler?.onPeerState(peer as NodeId, "up");
  }
}
