/** A call of this node to a peer, from the moment that it is queued until it is answered or given up. */
import { KvError } from "../kv/kv-error.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { RECORD } from "./peer-record.js";
import type { QueuedRecord } from "./send-queue.js";

interface OutgoingCallInit {
  readonly epoch: number;
  readonly sequence: number;
  readonly method: number;
  readonly body: Uint8Array;
  readonly limits: CallLimits;
  readonly deadlineMs: number;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  /** The call is over, in whatever way. */
  readonly onOver: (call: OutgoingCall) => void;
  /** The caller does not wait any more, and the peer may be working on it. */
  readonly onGivenUp: (call: OutgoingCall) => void;
}

export class OutgoingCall implements QueuedRecord {
  readonly kind = RECORD.request;
  readonly epoch: number;
  readonly sequence: number;
  readonly method: number;
  readonly timeoutMs: number;
  readonly body: Uint8Array;
  readonly deadlineMs: number;
  /** It may have reached the peer. */
  isSent = false;
  #isOver = false;
  readonly #init: OutgoingCallInit;
  readonly #onAbort: (() => void) | undefined;

  constructor(init: OutgoingCallInit) {
    this.#init = init;
    this.epoch = init.epoch;
    this.sequence = init.sequence;
    this.method = init.method;
    this.timeoutMs = init.limits.timeoutMs;
    this.body = init.body;
    this.deadlineMs = init.deadlineMs;
    const { signal } = init.limits;
    if (signal !== undefined) {
      this.#onAbort = () => this.#giveUp(signal.reason);
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  get isDropped(): boolean {
    return this.#isOver;
  }

  onSending(): void {
    this.isSent = true;
  }

  onLost(why: string): void {
    this.lose(why);
  }

  answer(body: Uint8Array): void {
    if (this.#end()) this.#init.resolve(body);
  }

  fail(error: unknown): void {
    if (this.#end()) this.#init.reject(error);
  }

  /** The way to the peer is gone. */
  lose(why: string): void {
    if (!this.#isOver) this.fail(this.#lost(why));
  }

  /** The peer is about to go, and is not to work on this any more. */
  giveUp(why: string): void {
    if (!this.#isOver) this.#giveUp(this.#lost(why));
  }

  timeOut(): void {
    if (this.#isOver) return;
    this.#giveUp(
      new KvError({
        code: "TIMED_OUT",
        message: `no answer within ${Math.ceil(this.timeoutMs)} ms`,
        outcome: this.isSent ? "unknown" : "not-applied",
      }),
    );
  }

  #lost(why: string): KvError {
    return new KvError({
      code: "PEER_UNREACHABLE",
      message: this.isSent ? `the node was lost during a call: ${why}` : why,
      outcome: this.isSent ? "unknown" : "not-applied",
    });
  }

  #giveUp(error: unknown): void {
    if (this.#isOver) return;
    this.fail(error);
    if (this.isSent) this.#init.onGivenUp(this);
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#onAbort !== undefined) {
      this.#init.limits.signal?.removeEventListener("abort", this.#onAbort);
    }
    this.#init.onOver(this);
    return true;
  }
}
