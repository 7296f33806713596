/**
 * The network between nodes. Frames are lost, repeated, delayed and overtaken; ways are cut in one
 * direction or both. Each pair of nodes has a connection, as over TCP, whose loss and return both ends
 * hear of, a while later and not at the same time.
 */

import type { SeededRandom } from "../testing/seeded-random.js";
import type { CoverageCounter } from "./coverage.js";
import type { SimLoop } from "./sim-loop.js";
import type { SimStream } from "./sim-stream.js";
import type { SimTransport } from "./sim-transport.js";
import type { Trace } from "./trace.js";

export interface Weather {
  /** Percents of frames. */
  readonly loss: number;
  readonly repeat: number;
  readonly overtake: number;
}

export const FAIR: Weather = { loss: 0, repeat: 0, overtake: 0 };

/** Microseconds until the loss or the return of a connection is noticed. */
const MAX_LOSS_US = 250_000;
const MAX_RETURN_US = 60_000;
/** How much later than the others a frame may come that is overtaken. */
const MAX_OVERTAKEN_US = 60_000;

export interface SimNetworkDeps {
  readonly loop: SimLoop;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly coverage: CoverageCounter;
  readonly latencyUs: readonly [least: number, most: number];
}

const STREAM_BREAK_PERCENT = 30;

export class SimNetwork {
  weather = FAIR;
  /** Streams break off at one of their next pieces. */
  breaksStreams = false;
  readonly #deps: SimNetworkDeps;
  readonly #ends = new Map<number, SimTransport>();
  /** Ways that are cut, and how often. */
  readonly #cuts = new Map<number, number>();
  /** Cuts of one direction that nobody is told of. */
  readonly #silentCuts = new Map<number, number>();
  /** When the last frame of a way arrives. */
  readonly #lastArrivals = new Map<number, number>();
  readonly #streams = new Set<SimStream>();

  #generations = 0;

  constructor(deps: SimNetworkDeps) {
    this.#deps = deps;
  }

  nextGeneration(): number {
    this.#generations += 1;
    return this.#generations;
  }

  get deps(): SimNetworkDeps {
    return this.#deps;
  }

  /** Microseconds that something takes on its way. */
  latencyUs(): number {
    const [least, most] = this.#deps.latencyUs;
    return this.#deps.random.between(least, most);
  }

  end(id: number): SimTransport | undefined {
    return this.#ends.get(id);
  }

  attach(transport: SimTransport): void {
    this.#ends.set(transport.id, transport);
    for (const other of this.#ends.keys()) this.#review(transport.id, other);
  }

  /** A process is gone. */
  detach(transport: SimTransport): void {
    if (this.#ends.get(transport.id) !== transport) return;
    this.#ends.delete(transport.id);
    for (const other of this.#ends.keys()) this.#review(transport.id, other);
    this.#breakStreams((stream) => stream.ends.includes(transport.id));
  }

  cut(from: number, to: number, isSilent = false): void {
    const cuts = isSilent ? this.#silentCuts : this.#cuts;
    const way = wayOf(from, to);
    cuts.set(way, (cuts.get(way) ?? 0) + 1);
    this.#breakStreams(({ ends: [sender, receiver] }) => {
      return (sender === from && receiver === to) || (sender === to && receiver === from);
    });
    if (!isSilent) this.#review(from, to);
  }

  mend(from: number, to: number, isSilent = false): void {
    const cuts = isSilent ? this.#silentCuts : this.#cuts;
    const way = wayOf(from, to);
    cuts.set(way, Math.max(0, (cuts.get(way) ?? 0) - 1));
    this.#review(from, to);
  }

  /** Whether a stream breaks off here. Not all do at once, so that what goes on breaks off as well. */
  isStreamBreaking(): boolean {
    return this.breaksStreams && this.#deps.random.isChance(STREAM_BREAK_PERCENT);
  }

  /** All is well again. */
  heal(): void {
    this.weather = FAIR;
    this.breaksStreams = false;
    this.#cuts.clear();
    this.#silentCuts.clear();
    for (const one of this.#ends.keys()) {
      for (const other of this.#ends.keys()) if (one < other) this.#review(one, other);
    }
  }

  isCut(from: number, to: number): boolean {
    const way = wayOf(from, to);
    return (this.#cuts.get(way) ?? 0) > 0 || (this.#silentCuts.get(way) ?? 0) > 0;
  }

  carry(from: number, to: number, frame: Uint8Array): void {
    const { random, coverage } = this.#deps;
    const { loss, repeat } = this.weather;
    if (this.isCut(from, to)) return;
    if (random.isChance(loss)) {
      coverage.hit("frame-lost");
      return;
    }
    const copy = frame.slice();
    this.#deliver(from, to, copy);
    if (!random.isChance(repeat)) return;
    coverage.hit("frame-repeated");
    this.#deliver(from, to, copy);
  }

  addStream(stream: SimStream): void {
    this.#streams.add(stream);
  }

  removeStream(stream: SimStream): void {
    this.#streams.delete(stream);
  }

  #deliver(from: number, to: number, frame: Uint8Array): void {
    const { loop, random, coverage, trace } = this.#deps;
    const way = wayOf(from, to);
    const isOvertaken = random.isChance(this.weather.overtake);
    const last = this.#lastArrivals.get(way) ?? 0;
    let delayUs = this.latencyUs();
    if (isOvertaken) {
      coverage.hit("frame-overtaken");
      delayUs += random.nextInt(MAX_OVERTAKEN_US);
    } else {
      delayUs = Math.max(delayUs, last - loop.nowUs);
      this.#lastArrivals.set(way, loop.nowUs + delayUs);
    }
    const receiver = this.#ends.get(to);
    receiver?.process.after(delayUs, () => {
      if (this.isCut(from, to)) return;
      trace.number(way);
      trace.bytes(frame);
      receiver.receive(from, frame);
    });
  }

  /** Sees to it that both ends hear how things stand between them. */
  #review(a: number, b: number): void {
    if (a === b) return;
    const { loop, random } = this.#deps;
    const isConnected = this.#isConnected(a, b);
    for (const [at, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const delayUs = random.nextInt(isConnected ? MAX_RETURN_US : MAX_LOSS_US);
      loop.after(delayUs, () => this.#tell(at, peer));
    }
  }

  #tell(at: number, peer: number): void {
    const end = this.#ends.get(at);
    const there = this.#ends.get(peer);
    if (end === undefined) return;
    const generation = this.#isConnected(at, peer) ? there?.generation : undefined;
    end.process.after(0, () => end.hearOf(peer, generation));
  }

  #isConnected(a: number, b: number): boolean {
    if (!this.#ends.has(a) || !this.#ends.has(b)) return false;
    const isOpen = (way: number): boolean => (this.#cuts.get(way) ?? 0) === 0;
    return isOpen(wayOf(a, b)) && isOpen(wayOf(b, a));
  }

  #breakStreams(isBroken: (stream: SimStream) => boolean): void {
    for (const stream of this.#streams) if (isBroken(stream)) stream.breakOff();
  }
}

function wayOf(from: number, to: number): number {
  return from * 1024 + to;
}
