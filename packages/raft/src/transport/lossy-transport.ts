/**
 * A transport made worse: loses, repeats, delays and overtakes frames, and cuts ways in one direction,
 * all by a seeded source of chance and a clock, so that a run repeats.
 */

import type { NodeId } from "../core/ids.js";
import type { Clock, Random } from "../wal/ports.js";
import { RaftTransportError } from "./errors.js";
import type { OutgoingStream, Transport, TransportHandler } from "./transport.js";

/** What befalls the frames that a node sends. Shares are numbers from 0 (never) to 1 (always). */
export interface NetworkFaults {
  /** Share of frames that are lost, though `send` says true. @default 0 */
  readonly loss?: number;
  /** Share of frames that arrive twice, with delays of their own. @default 0 */
  readonly repeat?: number;
  /** Each frame waits from 0 up to this, so that one may overtake another. @default 0 */
  readonly maxDelayMs?: number;
}

export interface LossyTransportDeps {
  readonly inner: Transport;
  readonly clock: Pick<Clock, "schedule">;
  readonly random: Random;
}

/** Fineness of shares. */
const SHARES = 1_000_000;

export class LossyTransport implements Transport {
  readonly #deps: LossyTransportDeps;
  readonly #cuts = new Set<NodeId>();
  readonly #streams = new Map<OutgoingStream, NodeId>();
  readonly #delayed = new Set<() => void>();
  #faults: Required<NetworkFaults>;
  #isClosed = false;

  constructor(deps: LossyTransportDeps, faults: NetworkFaults = {}) {
    this.#deps = deps;
    this.#faults = checkFaults(faults);
  }

  get maxFrameBytes(): number {
    return this.#deps.inner.maxFrameBytes;
  }

  /** @throws RangeError for a share outside of 0 to 1, or a delay below 0 */
  setFaults(faults: NetworkFaults): void {
    this.#faults = checkFaults(faults);
  }

  /** Loses all that this node sends to `to` from now on, without a word; the other direction stays. */
  cut(to: NodeId): void {
    this.#cuts.add(to);
    for (const [stream, peer] of this.#streams) if (peer === to) stream.abort();
  }

  /** Undoes {@link LossyTransport.cut}; without `to`, all of them. */
  heal(to?: NodeId): void {
    if (to === undefined) this.#cuts.clear();
    else this.#cuts.delete(to);
  }

  async start(handler: TransportHandler): Promise<void> {
    return this.#deps.inner.start(handler);
  }

  send(to: NodeId, frame: Uint8Array): boolean {
    if (this.#isClosed) return false;
    if (this.#cuts.has(to) || this.#happens(this.#faults.loss)) return true;
    const isTaken = this.#pass(to, frame);
    if (isTaken && this.#happens(this.#faults.repeat)) this.#pass(to, frame.slice());
    return isTaken;
  }

  async openStream(to: NodeId, header: Uint8Array): Promise<OutgoingStream> {
    if (this.#cuts.has(to)) throw unreachable(to);
    const stream = await this.#deps.inner.openStream(to, header);
    if (this.#cuts.has(to)) {
      stream.abort();
      throw unreachable(to);
    }
    this.#streams.set(stream, to);
    return {
      write: async (chunk) => stream.write(chunk),
      end: async () => stream.end().finally(() => this.#streams.delete(stream)),
      abort: () => {
        this.#streams.delete(stream);
        stream.abort();
      },
    };
  }

  setPeer(id: NodeId, address: string): void {
    this.#deps.inner.setPeer(id, address);
  }

  removePeer(id: NodeId): void {
    this.#deps.inner.removePeer(id);
  }

  queuedBytes(to: NodeId): number {
    return this.#deps.inner.queuedBytes(to);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const cancel of this.#delayed) cancel();
    this.#delayed.clear();
    return this.#deps.inner.close();
  }

  #pass(to: NodeId, frame: Uint8Array): boolean {
    const { maxDelayMs } = this.#faults;
    const delayMs = maxDelayMs === 0 ? 0 : this.#deps.random.nextInt(maxDelayMs + 1);
    if (delayMs === 0) return this.#deps.inner.send(to, frame);
    const copy = frame.slice();
    const cancel = this.#deps.clock.schedule(delayMs, () => {
      this.#delayed.delete(cancel);
      if (!this.#cuts.has(to)) this.#deps.inner.send(to, copy);
    });
    this.#delayed.add(cancel);
    return true;
  }

  #happens(share: number): boolean {
    return share > 0 && this.#deps.random.nextInt(SHARES) < share * SHARES;
  }
}

function unreachable(to: NodeId): RaftTransportError {
  const message = `the way to node ${to} is cut`;
  return new RaftTransportError({ code: "RAFT_TRANSPORT_UNREACHABLE", message });
}

function checkFaults(faults: NetworkFaults): Required<NetworkFaults> {
  const { loss = 0, repeat = 0, maxDelayMs = 0 } = faults;
  for (const share of [loss, repeat]) {
    if (!(share >= 0 && share <= 1)) throw new RangeError(`a share is 0 to 1, not ${share}`);
  }
  if (!Number.isSafeInteger(maxDelayMs) || maxDelayMs < 0) {
    throw new RangeError(`a delay is a number of milliseconds, not ${maxDelayMs}`);
  }
  return { loss, repeat, maxDelayMs };
}
