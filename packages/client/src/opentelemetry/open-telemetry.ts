/**
 * Spans and a histogram of calls, through the OpenTelemetry API: without an SDK in the process they cost next to nothing.
 * Names are those of the semantic conventions for database clients, as of their version 1.33.
 */
import {
  type Attributes,
  type Meter,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { isClientError } from "../errors.js";
import type { CallSummary, InterceptedCall, Interceptor } from "../interceptors.js";

export interface OpenTelemetryOptions {
  /** @default the global provider's, named `@titan/client` */
  readonly tracer?: Tracer | undefined;
  /** @default the global provider's, named `@titan/client` */
  readonly meter?: Meter | undefined;
}

const NAME = "@titan/client";
/** Bounds that the conventions advise, in seconds. */
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/**
 * An interceptor that makes a span of each call, a child of the active one, and counts its duration in
 * `db.client.operation.duration`. Keys and values are not recorded.
 * `new TitanClient({ interceptors: [openTelemetry()] })`
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Interceptor {
  const tracer = options.tracer ?? trace.getTracer(NAME);
  const meter = options.meter ?? metrics.getMeter(NAME);
  const duration = meter.createHistogram("db.client.operation.duration", {
    ...{ unit: "s", description: "Duration of calls, retries included" },
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  return async (call, next) => {
    const attributes = attributesOf(call);
    const name = call.keyspace === undefined ? call.method : `${call.method} ${call.keyspace}`;
    const startedMs = performance.now();
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes });
    let found: Attributes = {};
    try {
      const summary = await next();
      found = succeeded(span, summary);
      return summary;
    } catch (error) {
      found = failed(span, error);
      throw error;
    } finally {
      span.end();
      duration.record((performance.now() - startedMs) / 1_000, { ...attributes, ...found });
    }
  };
}

function attributesOf({ method, keyspace }: InterceptedCall): Attributes {
  const attributes: Attributes = { "db.system.name": "titan", "db.operation.name": method };
  if (keyspace !== undefined) attributes["db.namespace"] = keyspace;
  return attributes;
}

/** @returns what the histogram is told as well */
function succeeded(span: Span, { endpoint, attempts }: CallSummary): Attributes {
  const server = serverOf(endpoint);
  span.setAttributes({ ...server, "titan.attempts": attempts });
  return server;
}

function failed(span: Span, error: unknown): Attributes {
  const type = typeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.setAttribute("error.type", type);
  if (!isClientError(error)) return { "error.type": type };
  span.setAttributes({ "titan.outcome": error.outcome, "titan.attempts": error.attempts });
  if (error.reason !== undefined) span.setAttribute("titan.reason", error.reason);
  const server = error.endpoint === undefined ? {} : serverOf(error.endpoint);
  span.setAttributes(server);
  return { ...server, "error.type": type };
}

function typeOf(error: unknown): string {
  if (isClientError(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}

/** Of `host:port`, IPv6 in brackets. */
function serverOf(endpoint: string): Attributes {
  const colon = endpoint.lastIndexOf(":");
  const address = endpoint.slice(0, colon).replace(/^\[|\]$/g, "");
  return { "server.address": address, "server.port": Number(endpoint.slice(colon + 1)) };
}
