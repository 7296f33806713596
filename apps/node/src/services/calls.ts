/**
 * What surrounds every call: a refusal of bytes that are no message, admission, and errors.
 *
 * Plain functions and not nice-grpc middleware, which would wrap each call in an async generator more.
 */
import type { CallContext } from "nice-grpc";
import { invalidField } from "../kv/kv-error.js";
import type { CallLimits } from "../shard/shard-replica.js";
import type { Admission } from "./admission.js";
import type { KvCall } from "./kv-calls.js";
import type { FailureStatus, RpcErrors } from "./rpc-error.js";

/** A unary method as nice-grpc takes it. */
export type Unary<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response>;

/** A server-streaming method as nice-grpc takes it. */
export type Streaming<Request, Response> = (
  request: Request,
  context: CallContext,
) => AsyncGenerator<Response, void, undefined>;

/** A method with streams in both directions as nice-grpc takes it. */
export type Duplex<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncGenerator<Response, void, undefined>;

/** What came of a call that came with others. */
export type PipelinedResult<Answer> =
  | { readonly type: "answer"; readonly answer: Answer }
  | { readonly type: "failure"; readonly failure: FailureStatus };

/** Stands where a request would be when its bytes were no message. */
class MalformedRequest {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

interface Method {
  readonly requestType: { decode(bytes: Uint8Array): unknown };
}

/**
 * A definition whose methods get malformed bytes as a request that every wrapper below refuses with
 * `FIELD_INVALID`. Left to itself gRPC answers them with a bare INTERNAL, as if the server had failed.
 */
export function withMalformedRequests<
  Definition extends { readonly methods: Readonly<Record<string, Method>> },
>(definition: Definition): Definition {
  const methods = Object.entries(definition.methods).map(([name, method]) => {
    const { requestType } = method;
    const decode = (bytes: Uint8Array): unknown => {
      try {
        return requestType.decode(bytes);
      } catch (error) {
        return new MalformedRequest(error instanceof Error ? error.message : "undecodable");
      }
    };
    return [name, { ...method, requestType: { ...requestType, decode } }] as const;
  });
  return { ...definition, methods: Object.fromEntries(methods) };
}

async function raiseOfStream(
  errors: RpcErrors,
  error: unknown,
  context: CallContext,
): Promise<never> {
  // gRPC's own word for it is CANCELLED; it is no defect to be logged.
  if (context.signal.aborted) throw context.signal.reason;
  return errors.raise(error, "read", context);
}

/** @throws KvError `FIELD_INVALID` */
export function checkForm(request: unknown): void {
  if (request instanceof MalformedRequest) {
    throw invalidField("request", `the bytes are not this message: ${request.problem}`);
  }
}

/** Makes methods of what serves them. */
export class Calls {
  readonly #admission: Admission;
  readonly #errors: RpcErrors;

  constructor(admission: Admission, errors: RpcErrors) {
    this.#admission = admission;
    this.#errors = errors;
  }

  /** A read that is answered within the turn, or nearly, and so never adds to the work under way. */
  read<Request, Response>(
    serve: (request: Request) => Response | Promise<Response>,
  ): Unary<Request, Response> {
    return async (request, context) => {
      try {
        checkForm(request);
        this.#admission.check();
        return await serve(request);
      } catch (error) {
        return this.#errors.raise(error, "read", context);
      }
    };
  }

  /** A call on keys. */
  unary<Request, Response>(
    call: KvCall<Request, Response>,
    limitsOf: (context: CallContext) => CallLimits,
  ): Unary<Request, Response> {
    return async (request, context) => {
      try {
        checkForm(request);
        return await this.#admit(call, request, limitsOf(context));
      } catch (error) {
        return this.#errors.raise(error, call.kind, context);
      }
    };
  }

  /** A call on keys that came with others. Never rejects. */
  async pipelined<Request, Response>(
    call: KvCall<Request, Response>,
    request: Request,
    limits: CallLimits,
  ): Promise<PipelinedResult<Response>> {
    try {
      return { type: "answer", answer: await this.#admit(call, request, limits) };
    } catch (error) {
      return { type: "failure", failure: this.#errors.describe(error, call.kind) };
    }
  }

  /** How clients are told of an error of a call that may have been a write. */
  describe(error: unknown): FailureStatus {
    return this.#errors.describe(error, "write");
  }

  /** Aborts when no new calls are taken any more. */
  get stopping(): AbortSignal {
    return this.#admission.stopping;
  }

  /** A write. `weigh`: bytes that the request holds while it is under way. */
  write<Request, Response>(
    weigh: (request: Request) => number,
    serve: (request: Request, context: CallContext) => Promise<Response>,
  ): Unary<Request, Response> {
    return async (request, context) => {
      try {
        checkForm(request);
        const bytes = weigh(request);
        this.#admission.enter(bytes);
        try {
          return await serve(request, context);
        } finally {
          this.#admission.leave(bytes);
        }
      } catch (error) {
        return this.#errors.raise(error, "write", context);
      }
    };
  }

  /**
   * A stream of pages. It ends well only behind the last page. When the client goes away it fails, though
   * nobody is there to be told, and what the pages hold is freed.
   */
  pages<Request, Response>(
    serve: (request: Request, context: CallContext) => AsyncGenerator<Response, void, undefined>,
  ): Streaming<Request, Response> {
    return this.#stream(serve, {
      enter: () => this.#admission.enterScan(),
      leave: () => this.#admission.leaveScan(),
    });
  }

  /**
   * A stream that goes on until its client has enough, or the node stops: then it fails, so that the client goes
   * on elsewhere. `serve` ends when its signal aborts.
   */
  watch<Request, Response>(
    serve: (request: Request, signal: AbortSignal) => AsyncGenerator<Response, void, undefined>,
  ): Streaming<Request, Response> {
    const { stopping } = this.#admission;
    const untilStopped = async function* untilStopped(request: Request, context: CallContext) {
      yield* serve(request, AbortSignal.any([context.signal, stopping]));
      stopping.throwIfAborted();
    };
    return this.#stream(untilStopped, {
      enter: () => this.#admission.enterWatch(),
      leave: () => this.#admission.leaveWatch(),
    });
  }

  async #admit<Request, Response>(
    call: KvCall<Request, Response>,
    request: Request,
    limits: CallLimits,
  ): Promise<Response> {
    const bytes = call.weigh(request);
    this.#admission.enter(bytes);
    try {
      return await call.serve(request, limits);
    } finally {
      this.#admission.leave(bytes);
    }
  }

  /** Streams in both directions. `serve` checks the form of what comes, and ends when its signal aborts. */
  duplex<Request, Response>(
    serve: (
      requests: AsyncIterable<Request>,
      signal: AbortSignal,
    ) => AsyncGenerator<Response, void, undefined>,
  ): Duplex<Request, Response> {
    const errors = this.#errors;
    return async function* duplex(requests, context) {
      try {
        yield* serve(requests, context.signal);
      } catch (error) {
        await raiseOfStream(errors, error, context);
      }
    };
  }

  #stream<Request, Response>(
    serve: (request: Request, context: CallContext) => AsyncGenerator<Response, void, undefined>,
    gate: { enter(): void; leave(): void },
  ): Streaming<Request, Response> {
    const errors = this.#errors;
    return async function* stream(request, context) {
      try {
        checkForm(request);
        gate.enter();
        try {
          for await (const page of serve(request, context)) {
            context.signal.throwIfAborted();
            yield page;
          }
          context.signal.throwIfAborted();
        } finally {
          gate.leave();
        }
      } catch (error) {
        await raiseOfStream(errors, error, context);
      }
    };
  }

  /** A stream that is refused. */
  refusedStream<Request, Response>(why: () => Error): Streaming<Request, Response> {
    const errors = this.#errors;
    // biome-ignore lint: a generator that only throws
    return async function* refused(_request, context) {
      await errors.raise(why(), "read", context);
    };
  }
}
