/**
 * The calls of one peer to this node: works on them within bounds, and sends the answers. A call counts until
 * its answer has been taken by the stream, so that a peer that calls and does not listen costs no more.
 */
import { KvError } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import type { CallLimits } from "../shard/shard-replica.js";
import { MalformedBytes } from "../wire/byte-reader.js";
import { encodeError, toPeerError } from "./error-codec.js";
import type { PeerHandler } from "./peer-calls.js";
import type { PeerLimits, PeerStats } from "./peer-options.js";
import { type PeerRecord, RECORD } from "./peer-record.js";
import type { QueuedRecord, SendQueue } from "./send-queue.js";

export interface IncomingCallsDeps {
  readonly peer: number;
  readonly queue: SendQueue;
  readonly handlers: ReadonlyMap<number, PeerHandler>;
  readonly limits: PeerLimits;
  readonly stats: PeerStats;
  readonly logger: Pick<Logger, "error">;
}

/** Refusals that wait to be sent; who causes more does not play by the rules. */
const MAX_WAITING_REFUSALS = 65_536;

/** Deadline and cancellation of a call that came in. A signal is made only for those who look at it. */
class IncomingCall implements CallLimits {
  readonly timeoutMs: number;
  #controller: AbortController | undefined;
  #isCancelled = false;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isCancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#controller?.abort();
  }
}

/** Of one stream, as sequences mean nothing beyond it. */
export class IncomingCalls {
  readonly #deps: IncomingCallsDeps;
  /** By sequence: one stream is of one life of the calling process. */
  readonly #running = new Map<number, IncomingCall>();
  #epoch: number | undefined;
  #bytes = 0;
  #calls = 0;
  #refusals = 0;
  #onIdle: (() => void) | undefined;

  constructor(deps: IncomingCallsDeps) {
    this.#deps = deps;
  }

  /** @throws MalformedBytes for a call that no correct node makes */
  onRequest(record: PeerRecord): void {
    const { limits, stats, handlers } = this.#deps;
    const { method, body, timeoutMs, sequence } = record;
    const size = body.length;
    this.#epoch ??= record.epoch;
    if (this.#epoch !== record.epoch) throw new MalformedBytes("calls of two lives in one stream");
    const isTooMuch =
      this.#calls >= limits.incomingCalls ||
      (this.#bytes > 0 && this.#bytes + size > limits.incomingBytes);
    if (isTooMuch) {
      stats.callsRefused += 1;
      this.#refuse(record, "OVERLOADED", "too many calls from this node are under way");
      return;
    }
    const handler = handlers.get(method);
    if (handler === undefined) {
      this.#refuse(record, "NOT_IMPLEMENTED", `method ${method} is not served by this node`);
      return;
    }
    if (this.#running.has(sequence)) throw new MalformedBytes("a call with a sequence in use");
    const call = new IncomingCall(timeoutMs);
    this.#running.set(sequence, call);
    this.#calls += 1;
    this.#bytes += size;
    stats.callsServed += 1;
    const answer = new Promise<Uint8Array>((resolve) => {
      resolve(handler(this.#deps.peer, body, call));
    });
    answer.then(
      (result) => this.#finish(record, call, size, RECORD.answer, result),
      (error: unknown) =>
        this.#finish(record, call, size, RECORD.failure, encodeError(this.#toError(error))),
    );
  }

  onCancel(record: PeerRecord): void {
    this.#running.get(record.sequence)?.cancel();
  }

  /** Resolves when the stream of this node has taken the answers to all calls. */
  async idle(): Promise<void> {
    if (this.#calls === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** The stream is gone, and with it whoever waits for the answers. */
  cancelAll(): void {
    for (const call of this.#running.values()) call.cancel();
  }

  #finish(
    record: PeerRecord,
    call: IncomingCall,
    size: number,
    kind: typeof RECORD.answer | typeof RECORD.failure,
    body: Uint8Array,
  ): void {
    this.#running.delete(record.sequence);
    this.#bytes -= size;
    if (call.isCancelled) {
      this.#onGone();
      return;
    }
    this.#bytes += body.length;
    this.#send(record, kind, body, () => {
      this.#bytes -= body.length;
      this.#onGone();
    });
  }

  #onGone(): void {
    this.#calls -= 1;
    if (this.#calls === 0) this.#onIdle?.();
  }

  #refuse(record: PeerRecord, code: "OVERLOADED" | "NOT_IMPLEMENTED", message: string): void {
    if (this.#refusals >= MAX_WAITING_REFUSALS) throw new MalformedBytes("calls without end");
    this.#refusals += 1;
    const body = encodeError(new KvError({ code, message }));
    this.#send(record, RECORD.failure, body, () => {
      this.#refusals -= 1;
    });
  }

  #send(
    { epoch, sequence }: PeerRecord,
    kind: QueuedRecord["kind"],
    body: Uint8Array,
    onGone: () => void,
  ): void {
    this.#deps.queue.push({
      ...{ kind, epoch, sequence, method: 0, timeoutMs: 0, body },
      onSent: onGone,
      onLost: onGone,
    });
  }

  #toError(error: unknown): KvError {
    const known = toPeerError(error);
    if (known !== undefined) return known;
    this.#deps.logger.error(
      { error, peer: this.#deps.peer },
      "a call of a peer failed unexpectedly",
    );
    return new KvError({
      code: "INTERNAL",
      message: "internal error on another node; its log has the details",
      outcome: "unknown",
    });
  }
}
