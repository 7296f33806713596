/** Pipelines of a fake node, over its unary calls. */
import {
  ERROR_DOMAIN,
  type KvServiceImplementation,
  PipelineAnswer,
  type PipelineRequest,
  type PipelineResponse,
} from "@titan/proto";
import { type CallContext, ServerError, Status } from "nice-grpc";
import { RichServerError } from "nice-grpc-error-details";
import { titanError } from "./titan-error.js";

export interface PipelineNode {
  /** Frames that arrived, as numbers of calls. */
  readonly frames: number[];
  /** Says to the clients that it is stopping: refuses what comes then. */
  readonly stopping: AbortController;
}

/** Pipelines over the same calls. */
export function pipelineOf(kv: KvServiceImplementation, self: () => PipelineNode) {
  return async function* pipeline(
    requests: AsyncIterable<PipelineRequest>,
    context: CallContext,
  ): AsyncGenerator<PipelineResponse> {
    const answers: PipelineAnswer[] = [];
    const { signal: stopping } = self().stopping;
    const state = { running: 0, isReadToEnd: false, hasSaidStopping: false, failure: undefined };
    let wake = (): void => {};
    const wakeUp = (): void => wake();
    for (const signal of [context.signal, stopping]) signal.addEventListener("abort", wakeUp);
    const serve = async (call: PipelineRequest["calls"][number]): Promise<void> => {
      const { $case, value } = call.call!;
      state.running += 1;
      try {
        if (stopping.aborted) {
          throw titanError(Status.UNAVAILABLE, "NOT_SERVING", { outcome: "not-applied" });
        }
        const answer: unknown = await kv[$case](value as never, context);
        const given = { $case, value: answer } as PipelineAnswer["answer"] & object;
        answers.push(PipelineAnswer.fromPartial({ id: call.id, answer: given }));
      } catch (error) {
        answers.push(failureAnswer(call.id, error));
      }
      state.running -= 1;
      wake();
    };
    const read = async (): Promise<void> => {
      for await (const { calls } of requests) {
        self().frames.push(calls.length);
        for (const call of calls) void serve(call);
      }
      state.isReadToEnd = true;
      wake();
    };
    read().catch(wakeUp);
    while (!context.signal.aborted) {
      if (stopping.aborted && !state.hasSaidStopping) {
        state.hasSaidStopping = true;
        yield { answers: [], stopping: true, leaders: [] };
      }
      if (answers.length > 0) yield { answers: answers.splice(0), stopping: false, leaders: [] };
      else if (state.isReadToEnd && state.running === 0) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  };
}

/** What a unary call would have failed with. */
function failureAnswer(id: number, error: unknown): PipelineAnswer {
  if (!(error instanceof ServerError)) throw error;
  const extra = error instanceof RichServerError ? error.extra : [];
  let reason = "";
  let metadata: { name: string; value: string }[] = [];
  let retryAfterMs = 0;
  for (const detail of extra) {
    if (!("$type" in detail)) continue;
    if (detail.$type === "google.rpc.ErrorInfo" && detail.domain === ERROR_DOMAIN) {
      reason = detail.reason;
      metadata = Object.entries(detail.metadata).map(([name, value]) => ({ name, value }));
    } else if (detail.$type === "google.rpc.RetryInfo") {
      const { seconds = 0, nanos = 0 } = detail.retryDelay ?? {};
      retryAfterMs = seconds * 1_000 + nanos / 1e6;
    }
  }
  const failure = { status: error.code, message: error.details, reason, metadata, retryAfterMs };
  return PipelineAnswer.fromPartial({ id, answer: { $case: "failure", value: failure } });
}
