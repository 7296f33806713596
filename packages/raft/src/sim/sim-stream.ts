/** A stream from node to node, cut into pieces on its way, that breaks where the way is cut. */

import type { NodeId } from "../core/ids.js";
import { ByteChannel } from "../transport/byte-channel.js";
import { RaftTransportError, wordsOf } from "../transport/errors.js";
import type { OutgoingStream } from "../transport/transport.js";
import type { SimNetwork } from "./sim-network.js";
import type { SimTransport } from "./sim-transport.js";

const MAX_PIECE_BYTES = 700;

export class SimStream implements OutgoingStream {
  readonly ends: readonly [sender: number, receiver: number];
  readonly #network: SimNetwork;
  readonly #from: SimTransport;
  readonly #to: SimTransport;
  readonly #channel = new ByteChannel();
  #failure: RaftTransportError | undefined;
  #isAnswered = false;
  #wake: () => void = () => undefined;

  constructor(
    network: SimNetwork,
    ends: { readonly from: SimTransport; readonly to: SimTransport },
    header: Uint8Array,
  ) {
    this.#network = network;
    this.#from = ends.from;
    this.#to = ends.to;
    this.ends = [ends.from.id, ends.to.id];
    network.addStream(this);
    ends.to.process.after(0, () => {
      const work = ends.to.handler?.onStream(ends.from.id as NodeId, header, this.#channel);
      work?.then(
        () => this.#answer(undefined),
        (error: unknown) => this.#answer(wordsOf(error)),
      );
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += MAX_PIECE_BYTES) {
      await this.#travel();
      const piece = chunk.slice(at, at + MAX_PIECE_BYTES);
      this.#to.process.after(0, () => void this.#channel.push(piece));
    }
  }

  async end(): Promise<void> {
    await this.#travel();
    this.#to.process.after(0, () => this.#channel.end());
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#isAnswered || this.#failure !== undefined) resolve();
    });
    this.#assertWhole();
  }

  abort(): void {
    this.breakOff();
  }

  /** The way is lost: both ends hear of it, a while later. */
  breakOff(): void {
    if (this.#failure !== undefined || this.#isAnswered) return;
    const message = "the stream has broken off";
    const cut = new RaftTransportError({ code: "RAFT_TRANSPORT_STREAM_CUT", message });
    this.#failure = cut;
    this.#network.removeStream(this);
    this.#network.deps.coverage.hit("snapshot-stream-cut");
    this.#to.process.after(this.#network.latencyUs(), () => this.#channel.fail(cut));
    this.#from.process.after(this.#network.latencyUs(), () => this.#wake());
  }

  /** Resolves when the next piece has come to the other end. */
  async #travel(): Promise<void> {
    this.#assertWhole();
    await new Promise<void>((resolve) => {
      this.#from.process.after(this.#network.latencyUs(), resolve);
    });
    if (this.#network.isStreamBreaking()) this.breakOff();
    this.#assertWhole();
  }

  #assertWhole(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #answer(refusal: string | undefined): void {
    if (this.#failure !== undefined || this.#isAnswered) return;
    this.#network.removeStream(this);
    if (refusal === undefined) this.#isAnswered = true;
    else {
      this.#failure = new RaftTransportError({
        code: "RAFT_TRANSPORT_STREAM_REFUSED",
        message: refusal,
      });
    }
    this.#from.process.after(this.#network.latencyUs(), () => this.#wake());
  }
}
