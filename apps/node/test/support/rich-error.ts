/** What a failed call said, in one flat object that tests can match. */

import { Status } from "nice-grpc";
import { ErrorInfo, RetryInfo, RichClientError } from "nice-grpc-error-details";

export interface Failure {
  readonly status: string;
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryMs: number | undefined;
  readonly message: string;
}

/** Awaits a call that must fail with google.rpc details. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const failure = await refusalOf(call);
  if (failure === undefined) throw new Error("expected an error with details, got an answer");
  return failure;
}

/** What a call failed with, with google.rpc details; undefined when it did not fail. */
export async function refusalOf(call: Promise<unknown>): Promise<Failure | undefined> {
  try {
    await call;
  } catch (error) {
    return toFailure(error);
  }
  return undefined;
}

function toFailure(error: unknown): Failure {
  if (!(error instanceof RichClientError)) {
    throw new Error(`expected an error with details, got ${String(error)}`, { cause: error });
  }
  const info = error.extra.find((detail): detail is ErrorInfo => detail.$type === ErrorInfo.$type);
  const retry = error.extra.find((detail): detail is RetryInfo => detail.$type === RetryInfo.$type);
  const delay = retry?.retryDelay;
  return {
    status: Status[error.code] ?? String(error.code),
    reason: info?.reason ?? "",
    domain: info?.domain ?? "",
    metadata: info?.metadata ?? {},
    retryMs: delay && delay.seconds * 1000 + delay.nanos / 1e6,
    message: error.details,
  };
}

/** Reads a stream to its end. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
