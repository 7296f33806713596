/**
 * PipelineService: calls of KvService that come together in frames over one stream, whose answers go back together.
 *
 * What is read ahead is bounded: calls under way and answers that the client does not take hold up the reading, and
 * HTTP/2 then holds up the client. A node that stops says so and refuses what comes then, so that the client can end its side
 * knowing what was done: nothing is cut off.
 */
import type {
  PipelineAnswer,
  PipelineCall,
  PipelineRequest,
  PipelineResponse,
  PipelineServiceImplementation,
  ShardLeader,
} from "@titan/proto";
import { invalidField } from "../kv/kv-error.js";
import type { Router } from "../routing/router.js";
import { spare } from "./call-deadline.js";
import { type Calls, checkForm } from "./calls.js";
import type { KvCall, KvCalls } from "./kv-calls.js";
import { starting } from "./late-service.js";
import type { FailureStatus } from "./rpc-error.js";

type Answer = NonNullable<PipelineAnswer["answer"]>;

/** Of one stream: under way, or with answers that wait for the client. */
const MOST_CALLS = 4096;
/** Values of answers that wait for the client. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
/** One with a larger value would hold up those behind it. */
const LARGEST_ANSWER_BYTES = 128 * 1024;
const FRAME_BYTES = 256 * 1024;
const FRAME_ANSWERS = 1024;

/** What serves the calls. */
export interface PipelinedShards {
  readonly kvCalls: KvCalls;
  readonly router: Pick<Router, "leaderElsewhere">;
}

/** @param current what serves the calls, once the node is part of a cluster */
export function createPipelineService(
  current: () => PipelinedShards | undefined,
  calls: Calls,
  requestTimeoutMs: number,
): PipelineServiceImplementation {
  return {
    pipeline: calls.duplex((requests, signal) =>
      new PipelineStream({ current, calls, requestTimeoutMs }).serve(requests, signal),
    ),
  };
}

interface PipelineStreamDeps {
  readonly current: () => PipelinedShards | undefined;
  readonly calls: Calls;
  readonly requestTimeoutMs: number;
}

class PipelineStream {
  readonly #deps: PipelineStreamDeps;
  #answers: PipelineAnswer[] = [];
  /** To be told with the next answers. Bounded by the number of shards. */
  #leaders = new Map<number, number>();
  #waitingBytes = 0;
  #calls = 0;
  #isReadToEnd = false;
  #failure: { readonly error: unknown } | undefined;
  #isWakeDue = false;
  #wake: () => void = () => undefined;
  #onRoom: () => void = () => undefined;

  constructor(deps: PipelineStreamDeps) {
    this.#deps = deps;
  }

  async *serve(
    requests: AsyncIterable<PipelineRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<PipelineResponse, void, undefined> {
    const { stopping } = this.#deps.calls;
    const wake = (): void => this.#wake();
    for (const one of [signal, stopping]) one.addEventListener("abort", wake);
    this.#read(requests).catch((error: unknown) => {
      this.#failure = { error };
      this.#wake();
    });
    let hasSaidStopping = false;
    try {
      while (!signal.aborted) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (stopping.aborted && !hasSaidStopping) {
          hasSaidStopping = true;
          yield { answers: [], stopping: true, leaders: [] };
        }
        const answers = this.#takeFrame();
        if (answers.length > 0) {
          yield { answers, stopping: false, leaders: this.#takeLeaders() };
          this.#onRoom();
        } else if (this.#isReadToEnd && this.#calls === 0) return;
        else await this.#sleep();
      }
      throw signal.reason;
    } finally {
      for (const one of [signal, stopping]) one.removeEventListener("abort", wake);
    }
  }

  async #read(requests: AsyncIterable<PipelineRequest>): Promise<void> {
    for await (const request of requests) {
      checkForm(request);
      for (const call of request.calls) {
        while (this.#isFull) {
          await new Promise<void>((resolve) => {
            this.#onRoom = resolve;
          });
        }
        this.#begin(call);
      }
    }
    this.#isReadToEnd = true;
    this.#wake();
  }

  get #isFull(): boolean {
    const calls = this.#calls + this.#answers.length;
    return calls >= MOST_CALLS || this.#waitingBytes >= MOST_WAITING_BYTES;
  }

  #begin({ id, timeoutMs, call: asked }: PipelineCall): void {
    const { current, calls, requestTimeoutMs } = this.#deps;
    const shards = current();
    this.#calls += 1;
    if (asked === undefined) {
      this.#finish(id, toFailure(calls.describe(invalidField("call", "must be set"))));
      return;
    }
    if (shards === undefined) {
      this.#finish(id, toFailure(calls.describe(starting())));
      return;
    }
    const limits = {
      timeoutMs: timeoutMs === 0 ? requestTimeoutMs : spare(timeoutMs, requestTimeoutMs),
    };
    // The table has a call of this kind under its name.
    const call = shards.kvCalls[asked.$case] as unknown as KvCall<unknown, object>;
    void calls.pipelined(call, asked.value, limits).then((result) => {
      if (result.type === "failure") {
        this.#finish(id, toFailure(result.failure));
        return;
      }
      const answer = { $case: asked.$case, value: result.answer } as Answer;
      this.#tellLeader(shardOf(answer), shards);
      this.#finish(id, toAnswer(answer));
    });
  }

  #tellLeader(shard: number | undefined, { router }: PipelinedShards): void {
    const leader = shard === undefined ? undefined : router.leaderElsewhere(shard);
    if (shard !== undefined && leader !== undefined) this.#leaders.set(shard, leader);
  }

  #takeLeaders(): ShardLeader[] {
    if (this.#leaders.size === 0) return [];
    const leaders = [...this.#leaders].map(([shard, nodeNumber]) => ({ shard, nodeNumber }));
    this.#leaders.clear();
    return leaders;
  }

  #finish(id: number, answer: Answer): void {
    this.#calls -= 1;
    this.#answers.push({ id, answer });
    this.#waitingBytes += bytesOf(answer);
    if (this.#isWakeDue) return;
    this.#isWakeDue = true;
    // Behind all answers that come in the same turn.
    process.nextTick(() => {
      this.#isWakeDue = false;
      this.#wake();
      this.#onRoom();
    });
  }

  #takeFrame(): PipelineAnswer[] {
    let count = 0;
    let bytes = 0;
    for (const { answer } of this.#answers) {
      if (count >= FRAME_ANSWERS || bytes >= FRAME_BYTES) break;
      count += 1;
      bytes += bytesOf(answer);
    }
    this.#waitingBytes -= bytes;
    if (count === this.#answers.length) {
      const all = this.#answers;
      this.#answers = [];
      return all;
    }
    return this.#answers.splice(0, count);
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => undefined;
  }
}

/** The one shard that a call was about, if it was one. */
function shardOf(answer: Answer): number | undefined {
  if (answer.$case === "failure" || answer.$case === "tooLarge") return undefined;
  if (answer.$case !== "batch") return answer.value.shard;
  const [first, ...others] = answer.value.revisions;
  return others.length === 0 ? first?.shard : undefined;
}

function toAnswer(answer: Answer): Answer {
  const isTooLarge = answer.$case === "get" && bytesOf(answer) > LARGEST_ANSWER_BYTES;
  return isTooLarge ? { $case: "tooLarge", value: true } : answer;
}

/** Of values: all else is small. */
function bytesOf(answer: Answer | undefined): number {
  if (answer?.$case === "get") return answer.value.value.length;
  if (answer?.$case === "compareAndSet") return answer.value.current?.value.length ?? 0;
  if (answer?.$case !== "txn") return 0;
  let bytes = 0;
  for (const { result } of answer.value.results) {
    if (result?.$case === "get") bytes += result.value.value.length;
  }
  return bytes;
}

function toFailure({ status, message, reason, metadata, retryMs }: FailureStatus): Answer {
  const details = Object.entries(metadata).map(([name, value]) => ({ name, value }));
  return {
    $case: "failure",
    value: { status, message, reason, metadata: details, retryAfterMs: retryMs ?? 0 },
  };
}
