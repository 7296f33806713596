/**
 * Calls of one connection, over one stream: those of a turn travel in one frame, and so do answers.
 *
 * The stream is opened by the first call and ended when nothing has been asked for a while, as an open one keeps the
 * process alive. A server that stops says so; what has not been sent then certainly was not done, what has is answered
 * before the stream ends. Only a stream that breaks leaves calls with an unknown outcome.
 *
 * Large values go by calls of their own: in a stream they would hold up what is behind them.
 */
import type {
  DeepPartial,
  PipelineAnswer,
  PipelineCall,
  PipelineRequest,
  PipelineResponse,
} from "@titan/proto";
import { type Clock, type OnLeader, RpcFailure, type UnaryCalls } from "./ports.js";

/** Calls that can be pipelined. */
export const PIPELINED = Object.freeze([
  ...(["put", "get", "delete", "batch", "compareAndSet", "increment", "txn"] as const),
]);
export type PipelinedMethod = (typeof PIPELINED)[number];
/** One call, as it travels. */
export type PipelinedCall = NonNullable<PipelineCall["call"]>;
type Answer = NonNullable<PipelineAnswer["answer"]>;

/** The call has to be made by itself: its answer is too large, or the server knows no pipelines. */
export class MakeApart extends Error {
  override readonly name: string = "MakeApart";

  constructor(readonly why: "too-large" | "not-supported") {
    super(why);
  }
}

/** The stream, as the transport has it. */
export interface PipelineStream {
  /** Fails with {@link RpcFailure}, or with anything when `signal` has fired. */
  open(
    requests: AsyncIterable<DeepPartial<PipelineRequest>>,
    signal: AbortSignal,
  ): AsyncIterable<PipelineResponse>;
}

interface Waiting {
  readonly id: number;
  readonly call: PipelinedCall;
  readonly timeoutMs: number;
  isSent: boolean;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

const UNAVAILABLE = 14;
const UNIMPLEMENTED = 12;
const FRAME_CALLS = 1024;
/** Keys and values of one frame, about. */
const FRAME_BYTES = 256 * 1024;
/** Most bytes of values that a call brings along with others. */
const LARGEST_CALL_BYTES = 64 * 1024;
/** Of the queue, for calls that were given up before they were sent. */
const SPARE_ENTRIES = 1024;
/** A stream without calls is ended after so many milliseconds. */
const IDLE_MS = 100;

/** Whether a call is small enough to travel with others. */
export function isSmall(call: PipelinedCall): boolean {
  return bytesOf(call) <= LARGEST_CALL_BYTES;
}

export interface PipelineDeps {
  readonly clock: Clock;
  readonly onLeader: OnLeader;
}

/** One stream; to be replaced once it `isOver`. */
export class Pipeline {
  private readonly waiting = new Map<number, Waiting>();
  private queue: Waiting[] = [];
  private nextId = 1;
  private readonly end = new AbortController();
  private sentFrames = 0;
  private hasHeard = false;
  private isWakeDue = false;
  private wake: () => void = nothing;
  private cancelIdle: () => void = nothing;
  /** No call is taken any more; those under way are answered yet. */
  private isDraining = false;
  private isEnded = false;

  constructor(
    stream: PipelineStream,
    private readonly deps: PipelineDeps,
  ) {
    void this.read(stream.open(this.frames(), this.end.signal));
  }

  /** Whether it takes no calls. */
  get isOver(): boolean {
    return this.isDraining || this.isEnded;
  }

  /** Whether the server has said that it is stopping. */
  isServerStopping = false;

  /** @throws RpcFailure, {@link MakeApart}; the reason of `signal` when that fires */
  call(call: PipelinedCall, signal: AbortSignal, timeLeftMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const id = this.nextId;
      this.nextId += 1;
      const stop = (): void => {
        this.settled(id);
        reject(signal.reason as Error);
      };
      const done = (): void => {
        signal.removeEventListener("abort", stop);
        this.settled(id);
      };
      signal.addEventListener("abort", stop, { once: true });
      const waiting: Waiting = {
        ...{ id, call, isSent: false, timeoutMs: Math.max(1, Math.ceil(timeLeftMs)) },
        resolve: (answer) => {
          done();
          resolve(answer);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.cancelIdle();
      this.cancelIdle = nothing;
      this.waiting.set(id, waiting);
      this.queue.push(waiting);
      this.wakeSoon();
    });
  }

  /** Takes no more calls, and ends the stream behind the last answer. */
  close(): void {
    this.isDraining = true;
    if (this.waiting.size === 0) this.abort();
  }

  private settled(id: number): void {
    this.waiting.delete(id);
    // Where nothing can be sent, what was given up must not pile up.
    if (this.queue.length > 2 * this.waiting.size + SPARE_ENTRIES) {
      this.queue = this.queue.filter((one) => this.waiting.has(one.id));
    }
    if (this.waiting.size > 0 || this.isEnded) return;
    if (this.isDraining) this.abort();
    else {
      this.cancelIdle();
      this.cancelIdle = this.deps.clock.schedule(IDLE_MS, () => this.close());
    }
  }

  /** Behind all calls that are made in the same turn. */
  private wakeSoon(): void {
    if (this.isWakeDue) return;
    this.isWakeDue = true;
    process.nextTick(() => {
      this.isWakeDue = false;
      this.wake();
    });
  }

  private async *frames(): AsyncGenerator<DeepPartial<PipelineRequest>, void> {
    for (;;) {
      const calls = this.takeFrame();
      if (calls.length > 0) {
        this.sentFrames += 1;
        yield { calls };
      } else if (this.isOver) return;
      else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        this.wake = nothing;
      }
    }
  }

  private takeFrame(): PipelineCall[] {
    const frame: PipelineCall[] = [];
    let bytes = 0;
    let taken = 0;
    for (const waiting of this.queue) {
      if (frame.length >= FRAME_CALLS || bytes >= FRAME_BYTES) break;
      taken += 1;
      // It may have been given up meanwhile.
      if (!this.waiting.has(waiting.id)) continue;
      waiting.isSent = true;
      const { id, timeoutMs, call } = waiting;
      frame.push({ id, timeoutMs, call });
      bytes += bytesOf(call);
    }
    this.queue = taken === this.queue.length ? [] : this.queue.slice(taken);
    return frame;
  }

  private async read(responses: AsyncIterable<PipelineResponse>): Promise<void> {
    try {
      for await (const { answers, stopping, leaders } of responses) {
        for (const { shard, nodeNumber } of leaders) this.deps.onLeader(shard, nodeNumber);
        this.hasHeard = true;
        for (const { id, answer } of answers) this.settle(id, answer);
        if (stopping) this.drain();
      }
      this.fail(new RpcFailure({ ...LOST, message: "the server ended the stream" }));
    } catch (error) {
      this.fail(error);
    }
  }

  private settle(id: number, answer: Answer | undefined): void {
    const waiting = this.waiting.get(id);
    // Given up meanwhile.
    if (waiting === undefined) return;
    if (answer?.$case === "failure") waiting.reject(failureOf(answer.value));
    else if (answer?.$case === "tooLarge") waiting.reject(new MakeApart("too-large"));
    else if (answer?.$case === waiting.call.$case) waiting.resolve(answer.value);
    else waiting.reject(new Error("the answer is not of the kind of the call"));
  }

  /** The server is stopping: what it has not been sent is for another. */
  private drain(): void {
    this.isServerStopping = true;
    this.isDraining = true;
    for (const waiting of this.waiting.values()) {
      if (!waiting.isSent) waiting.reject(neverSent("the server is stopping"));
    }
    this.wakeSoon();
  }

  private fail(error: unknown): void {
    this.isEnded = true;
    this.cancelIdle();
    const isUnknown =
      error instanceof RpcFailure && error.status === UNIMPLEMENTED && !this.hasHeard;
    const failure = this.failureOfSent(error);
    for (const waiting of this.waiting.values()) {
      if (isUnknown) waiting.reject(new MakeApart("not-supported"));
      else waiting.reject(waiting.isSent ? failure : neverSent("the stream has ended"));
    }
    this.wakeSoon();
  }

  /**
   * A status ends the stream as a whole. What it says of a call, as that it was refused, holds for the calls of the
   * first frame when nothing else was sent; of several frames the earlier ones may have been served.
   */
  private failureOfSent(error: unknown): Error {
    if (!(error instanceof RpcFailure)) return asError(error);
    if (error.neverSent || (this.sentFrames === 1 && !this.hasHeard)) return error;
    return new RpcFailure({ ...LOST, message: error.message }, { cause: error });
  }

  /** Nothing is waited for. */
  private abort(): void {
    this.isEnded = true;
    this.cancelIdle();
    this.end.abort();
    this.wakeSoon();
  }
}

const LOST = { status: UNAVAILABLE, info: undefined, retryAfterMs: undefined } as const;

function neverSent(message: string): RpcFailure {
  return new RpcFailure({ ...LOST, message, neverSent: true });
}

function failureOf(failure: Extract<Answer, { $case: "failure" }>["value"]): RpcFailure {
  const { status, message, reason, metadata, retryAfterMs } = failure;
  const details = Object.fromEntries(metadata.map(({ name, value }) => [name, value]));
  return new RpcFailure({
    ...{ status, message },
    info: reason === "" ? undefined : { reason, metadata: details },
    retryAfterMs: retryAfterMs === 0 ? undefined : retryAfterMs,
  });
}

/** Keys and values that a call holds, about. */
function bytesOf({ $case, value }: PipelinedCall): number {
  switch ($case) {
    case "put":
      return value.key.length + value.value.length;
    case "get":
    case "delete":
    case "increment":
      return value.key.length;
    case "compareAndSet": {
      const { expected, update } = value;
      const expectedBytes = expected?.$case === "value" ? expected.value.length : 0;
      const updateBytes = update?.$case === "newValue" ? update.value.length : 0;
      return value.key.length + expectedBytes + updateBytes;
    }
    case "batch":
      return bytesOfOperations(value.operations);
    case "txn":
      return (
        bytesOfOperations(value.then) +
        bytesOfOperations(value.otherwise) +
        value.compares.reduce(
          (bytes, { key, target }) =>
            bytes + key.length + (target?.$case === "value" ? target.value.length : 0),
          0,
        )
      );
  }
}

type Operations = UnaryCalls["txn"][0]["then"] | UnaryCalls["batch"][0]["operations"];

function bytesOfOperations(operations: Operations): number {
  let bytes = 0;
  for (const { operation } of operations) {
    bytes += operation?.value.key.length ?? 0;
    if (operation?.$case === "put") bytes += operation.value.value.length;
  }
  return bytes;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function nothing(): void {}
