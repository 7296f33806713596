/** A network between hosts of one process, under a virtual clock, with links that can be cut. */

import type { NodeId } from "../../../src/core/ids.js";
import type {
  OutgoingStream,
  Transport,
  TransportHandler,
} from "../../../src/transport/transport.js";
import type { Clock } from "../../../src/wal/ports.js";

export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #ends = new Map<number, MemoryEnd>();
  readonly #cuts = new Set<string>();
  /** Every frame that was handed over, for tests that count or look. */
  onFrame: ((from: number, to: number, frame: Uint8Array) => void) | undefined;
  /** Says whether to lose a frame or a chunk. */
  loses: (from: number, to: number) => boolean = () => false;
  /** Streams break at the first chunk. */
  breaksStreams = false;
  /** Streams break after so many chunks. */
  chunksPerStream = Number.POSITIVE_INFINITY;
  /** Of all streams so far. */
  streamBytes = 0;
  latencyMs = 1;
  maxFrameBytes = 32 * 1024 * 1024;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  transport(id: number): Transport {
    return new MemoryEnd(this, id as NodeId);
  }

  cutOneWay(from: number, to: number): void {
    this.#cuts.add(`${from}>${to}`);
  }

  isolate(id: number, others: readonly number[]): void {
    for (const other of others) {
      if (other === id) continue;
      this.cutOneWay(id, other);
      this.cutOneWay(other, id);
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  attach(id: number, end: MemoryEnd): void {
    for (const [other, there] of this.#ends) {
      there.handler?.onPeerState(id as NodeId, "up");
      end.handler?.onPeerState(other as NodeId, "up");
    }
    this.#ends.set(id, end);
  }

  /** `id` is told that there is no way to `peer`, rightly or wrongly. */
  tellDown(id: number, peer: NodeId): void {
    this.#ends.get(id)?.handler?.onPeerState(peer, "down", "said the test");
  }

  detach(id: number, end: MemoryEnd): void {
    if (this.#ends.get(id) === end) this.#ends.delete(id);
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts.has(`${from}>${to}`) || this.loses(from, to);
  }

  end(id: number): MemoryEnd | undefined {
    return this.#ends.get(id);
  }

  later(run: () => void): void {
    this.#clock.schedule(this.latencyMs, run);
  }
}

class MemoryEnd implements Transport {
  readonly #network: MemoryNetwork;
  readonly #id: NodeId;
  handler: TransportHandler | undefined;

  constructor(network: MemoryNetwork, id: NodeId) {
    this.#network = network;
    this.#id = id;
  }

  get maxFrameBytes(): number {
    return this.#network.maxFrameBytes;
  }

  start(handler: TransportHandler): Promise<void> {
    this.handler = handler;
    this.#network.attach(this.#id, this);
    return Promise.resolve();
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    const from = this.#id;
    this.#network.onFrame?.(from, to, frame);
    if (frame.length > this.maxFrameBytes) return false;
    // The bytes as they are now, as a socket would take them.
    const copy = Uint8Array.from(frame);
    this.#network.later(() => {
      if (this.handler === undefined || this.#network.isCut(from, to)) return;
      this.#network.end(to)?.handler?.onFrame(from, copy);
    });
    return true;
  }

  openStream(to: NodeId, header: Uint8Array): Promise<OutgoingStream> {
    const stream = new MemoryStream(this.#network, this.#id, to);
    this.#network.later(() => {
      const receiver = this.#network.end(to)?.handler;
      if (receiver === undefined || this.#network.isCut(this.#id, to)) stream.breakOff();
      else stream.answer(receiver.onStream(this.#id, Uint8Array.from(header), stream.chunks()));
    });
    return Promise.resolve(stream);
  }

  setPeer(): void {
    // Everybody is in reach.
  }

  removePeer(): void {
    // Nobody is ever out of reach.
  }

  queuedBytes(): number {
    return 0;
  }

  close(): Promise<void> {
    this.handler = undefined;
    this.#network.detach(this.#id, this);
    return Promise.resolve();
  }
}

class MemoryStream implements OutgoingStream {
  readonly #network: MemoryNetwork;
  readonly #from: number;
  readonly #to: number;
  #chunks: Uint8Array[] = [];
  #taken = 0;
  #state: "open" | "ended" | "broken" = "open";
  #wake: () => void = () => undefined;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly #answer = new Promise<void>((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  constructor(network: MemoryNetwork, from: number, to: number) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    this.#answer.catch(() => undefined);
  }

  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const copy = Uint8Array.from(chunk);
      this.#network.later(() => {
        const { breaksStreams, chunksPerStream } = this.#network;
        this.#network.streamBytes += copy.length;
        this.#taken += 1;
        const isOver = breaksStreams || this.#taken > chunksPerStream;
        if (isOver || this.#network.isCut(this.#from, this.#to)) this.breakOff();
        if (this.#state === "broken") {
          reject(new Error("the stream has broken"));
          return;
        }
        this.#chunks.push(copy);
        this.#wake();
        resolve();
      });
    });
  }

  end(): Promise<void> {
    if (this.#state === "broken") return Promise.reject(new Error("the stream has broken"));
    this.#state = "ended";
    this.#wake();
    return this.#answer;
  }

  /** What the receiver makes of it. */
  answer(answer: Promise<void>): void {
    const broken = (): void => this.breakOff();
    answer.then(this.#resolve, this.#reject);
    answer.catch(broken);
  }

  abort(): void {
    this.breakOff();
  }

  breakOff(): void {
    if (this.#state === "open") this.#state = "broken";
    this.#reject(new Error("the stream has broken"));
    this.#wake();
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      yield* chunks;
      if (this.#chunks.length > 0) continue;
      if (this.#state === "ended") return;
      if (this.#state === "broken") throw new Error("the stream has broken");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
