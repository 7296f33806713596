/** All that goes on between this node and one peer: calls in both directions. */
import { KvError } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { MalformedBytes } from "../wire/byte-reader.js";
import { decodeError } from "./error-codec.js";
import { IncomingCalls } from "./incoming-calls.js";
import { OutgoingCall } from "./outgoing-call.js";
import { type PeerHandler, WAITING_METHODS } from "./peer-calls.js";
import type { PeerClock, PeerLimits, PeerRandom, PeerStats } from "./peer-options.js";
import { type PeerRecord, RECORD, RecordReader } from "./peer-record.js";
import { SendQueue, type SendQueueDeps } from "./send-queue.js";

export interface PeerLinkDeps {
  readonly peer: number;
  /** Of this process. */
  readonly epoch: number;
  readonly transport: SendQueueDeps["transport"];
  readonly clock: PeerClock;
  readonly random: PeerRandom;
  readonly limits: PeerLimits;
  readonly stats: PeerStats;
  readonly logger: Pick<Logger, "error" | "warn">;
  readonly handlers: ReadonlyMap<number, PeerHandler>;
}

const NOTHING = new Uint8Array(0);
const MAX_U32 = 2 ** 32 - 1;

export class PeerLink {
  readonly #deps: PeerLinkDeps;
  readonly #queue: SendQueue;
  /** By sequence, in the order of the calls. */
  readonly #calls = new Map<number, OutgoingCall>();
  #sequence = 0;
  #isUp = false;
  /** The peer's stream that counts: a later one takes its place. */
  #incoming: IncomingCalls | undefined;
  /** The peer is stopping and takes no more calls. */
  #isPeerStopping = false;
  /** This node is stopping, and waits to hear that the peer will not call any more. */
  #onLastCall: (() => void) | undefined;

  constructor(deps: PeerLinkDeps) {
    this.#deps = deps;
    const { peer, transport, clock, random, limits, stats } = deps;
    this.#queue = new SendQueue({
      ...{ peer, transport, clock, random, limits, stats },
      onCut: (why) => {
        this.#onLastCall?.();
        this.#loseSent(why);
      },
    });
  }

  get isReachable(): boolean {
    return this.#isUp && !this.#isPeerStopping && !this.#queue.isPausing;
  }

  /** Calls without an answer. */
  get calls(): number {
    return this.#calls.size;
  }

  call(method: number, body: Uint8Array, limits: CallLimits): Promise<Uint8Array> {
    const refusal = this.#refusal(body);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { clock, epoch, stats } = this.#deps;
    return new Promise((resolve, reject) => {
      limits.signal?.throwIfAborted();
      this.#sequence = this.#sequence >= MAX_U32 ? 1 : this.#sequence + 1;
      const call = new OutgoingCall({
        ...{ epoch, sequence: this.#sequence, method, body, limits, resolve, reject },
        deadlineMs: clock.monotonicMs() + limits.timeoutMs,
        onOver: (over) => this.#calls.delete(over.sequence),
        onGivenUp: (given) => this.#sendCancel(given),
      });
      this.#calls.set(call.sequence, call);
      stats.callsSent += 1;
      this.#queue.push(call);
    });
  }

  /** Gives up what has had its time. */
  sweep(nowMs: number): void {
    for (const call of this.#calls.values()) if (call.deadlineMs <= nowMs) call.timeOut();
  }

  onState(state: "up" | "down"): void {
    this.#isUp = state === "up";
    this.#isPeerStopping = false;
    if (this.#isUp) this.#queue.hurry();
    else this.#cut("the way to the node is lost");
  }

  /**
   * Says to the peer that this node is stopping. Resolves when the peer has the answers to all its calls, so that none
   * has an open outcome because of it; or when the way to it is lost. Never rejects, and may take for ever.
   */
  async drain(): Promise<void> {
    if (!this.isReachable) return;
    await new Promise<void>((resolve) => {
      this.#onLastCall = resolve;
      this.#signal(RECORD.stop, resolve);
    });
    await this.#incoming?.idle();
    await this.#queue.end();
  }

  /** Reads a stream of the peer to its end. @throws what ends it */
  async receive(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { peer, handlers, limits, stats, logger } = this.#deps;
    const queue = this.#queue;
    const incoming = new IncomingCalls({ peer, queue, handlers, limits, stats, logger });
    this.#incoming?.cancelAll();
    this.#incoming = incoming;
    this.#isPeerStopping = false;
    const reader = new RecordReader(limits.recordBytes, (record) =>
      this.#onRecord(incoming, record),
    );
    try {
      for await (const chunk of chunks) {
        if (this.#incoming !== incoming) throw new Error("a later stream has taken its place");
        reader.push(chunk);
      }
    } catch (error) {
      if (error instanceof MalformedBytes) {
        stats.malformedStreams += 1;
        logger.warn({ peer, problem: error.message }, "a peer sent bytes that are no call");
      }
      throw error;
    } finally {
      incoming.cancelAll();
      if (this.#incoming === incoming) {
        this.#incoming = undefined;
        this.#onLastCall?.();
        // Answers may have been lost with it.
        this.#loseSent("its stream has ended");
      }
    }
  }

  close(): void {
    this.#isUp = false;
    this.#onLastCall?.();
    this.#queue.close();
    for (const call of this.#calls.values()) call.lose("the node is stopping");
    this.#incoming?.cancelAll();
    this.#incoming = undefined;
  }

  #refusal(body: Uint8Array): KvError | undefined {
    const { limits } = this.#deps;
    if (!this.isReachable) {
      const message = `node ${this.#deps.peer} cannot be reached`;
      return new KvError({ code: "PEER_UNREACHABLE", message });
    }
    const isTooMuch =
      this.#calls.size >= limits.calls ||
      (this.#queue.queuedBytes > 0 && this.#queue.queuedBytes + body.length > limits.queuedBytes);
    if (!isTooMuch) return undefined;
    const message = `too much waits for node ${this.#deps.peer}; nothing was done`;
    return new KvError({ code: "OVERLOADED", message });
  }

  #onRecord(incoming: IncomingCalls, record: PeerRecord): void {
    switch (record.kind) {
      case RECORD.request:
        incoming.onRequest(record);
        return;
      case RECORD.cancel:
        incoming.onCancel(record);
        return;
      case RECORD.answer:
        this.#waiting(record)?.answer(record.body);
        return;
      case RECORD.failure: {
        const error = decodeError(record.body);
        this.#waiting(record)?.fail(error);
        return;
      }
      case RECORD.stop:
        this.#isPeerStopping = true;
        // It would wait for what they wait for.
        for (const call of this.#calls.values()) {
          if (WAITING_METHODS.has(call.method)) call.giveUp("it is stopping");
        }
        // Behind all calls that were made, so that the peer knows them to be all.
        this.#signal(RECORD.stopped);
        return;
      case RECORD.stopped:
        this.#onLastCall?.();
    }
  }

  #waiting({ epoch, sequence }: PeerRecord): OutgoingCall | undefined {
    const call = epoch === this.#deps.epoch ? this.#calls.get(sequence) : undefined;
    // An answer to a call that was never sent is none.
    if (call?.isSent === true) return call;
    this.#deps.stats.strayAnswers += 1;
    return undefined;
  }

  #signal(kind: typeof RECORD.stop | typeof RECORD.stopped, onLost?: () => void): void {
    const { epoch } = this.#deps;
    this.#queue.push({
      ...{ kind, epoch, sequence: 0, method: 0, timeoutMs: 0, body: NOTHING },
      ...(onLost && { onLost }),
    });
  }

  #sendCancel({ epoch, sequence }: OutgoingCall): void {
    if (!this.#queue.isOpen) return;
    this.#queue.push({
      kind: RECORD.cancel,
      ...{ epoch, sequence, method: 0, timeoutMs: 0, body: NOTHING },
    });
  }

  #cut(why: string): void {
    this.#onLastCall?.();
    this.#queue.cut(why);
    this.#loseSent(why);
  }

  #loseSent(why: string): void {
    for (const call of this.#calls.values()) if (call.isSent) call.lose(why);
  }
}
