/** What users run around calls, and what the client tells of itself. */
import {
  type Attributes,
  type Meter,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
} from "@opentelemetry/api";
import { beforeEach, describe, expect, test } from "vitest";
import type { ClientOptions, Interceptor, LogEntry } from "../src/index.js";
import { TitanClient } from "../src/index.js";
import { openTelemetry } from "../src/opentelemetry/index.js";
import { FakeTransport, failure, zeroes } from "./fakes/fake-transport.js";
import { failureOf } from "./fakes/harness.js";
import { settle, VirtualClock } from "./fakes/virtual-clock.js";

const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;

let clock: VirtualClock;
let transport: FakeTransport;

beforeEach(() => {
  clock = new VirtualClock();
  transport = new FakeTransport();
});

function clientOf(options: ClientOptions<"string", "string">): TitanClient {
  const ports = { clock, random: zeroes, transport };
  return new TitanClient({ endpoints: ["a", "b"], ...options }, ports);
}

describe("interceptors", () => {
  test("run around each call, the first one outermost, and are told what it is and came to", async () => {
    const seen: unknown[] = [];
    const named = (name: string): Interceptor => {
      return async (call, next) => {
        seen.push([name, call.method, call.keyspace, Buffer.from(call.key ?? "").toString()]);
        const summary = await next();
        seen.push([name, summary]);
        return summary;
      };
    };
    const client = clientOf({ interceptors: [named("outer"), named("inner")] });
    await client.keyspace("k").put("key", "value", { timeoutMs: 70 });
    const summary = { endpoint: "a:7420", attempts: 1 };
    expect(seen).toEqual([
      ["outer", "put", "k", "key"],
      ["inner", "put", "k", "key"],
      ["inner", summary],
      ["outer", summary],
    ]);
  });

  test("may refuse a call: nothing is sent then", async () => {
    const refuse: Interceptor = async () => {
      throw new Error("not today");
    };
    const client = clientOf({ interceptors: [refuse] });
    await expect(client.get("key")).rejects.toThrow("not today");
    expect(transport.sent).toEqual([]);
  });

  test("see what a call fails with", async () => {
    transport.reply = () => failure(PERMISSION_DENIED);
    const seen: unknown[] = [];
    const watch: Interceptor = (_call, next) =>
      next().catch((error: unknown) => {
        seen.push(error);
        throw error;
      });
    const error = await failureOf(clientOf({ interceptors: [watch] }).get("key"));
    expect(seen).toEqual([error]);
  });

  test("cannot hide what a call fails with, nor end it before it is answered", async () => {
    transport.reply = () => failure(PERMISSION_DENIED);
    const hide: Interceptor = (_call, next) => next().catch(() => undefined);
    const forget: Interceptor = async (_call, next) => {
      next().catch(() => undefined);
    };
    for (const interceptor of [hide, forget]) {
      const error = await failureOf(clientOf({ interceptors: [interceptor] }).put("key", "v"));
      expect(error.code).toBe("CLIENT_PERMISSION_DENIED");
    }
    transport.reply = () => ({ found: true });
    expect(await clientOf({ interceptors: [forget] }).put("key", "v")).toEqual({ revision: 1 });
  });

  test("that make no call, or two, are told so", async () => {
    const none: Interceptor = async () => undefined;
    await expect(clientOf({ interceptors: [none] }).get("key")).rejects.toThrow(TypeError);
    const twice: Interceptor = async (_call, next) => {
      await next();
      await next();
    };
    await expect(clientOf({ interceptors: [twice] }).get("key")).rejects.toThrow("twice");
    transport.sent.length = 0;
    const atOnce: Interceptor = (_call, next) => Promise.all([next(), next()]);
    await expect(clientOf({ interceptors: [atOnce] }).put("key", "v")).rejects.toThrow("twice");
    await settle();
    expect(transport.sent).toHaveLength(1);
  });
});

describe("a logger", () => {
  test("is told of connections and retries, and may throw", async () => {
    const entries: LogEntry[] = [];
    const replies = [
      failure(UNAVAILABLE, "NOT_SERVING", { outcome: "not-applied" }),
      { found: true },
    ];
    transport.reply = () => replies.shift() ?? { found: true };
    const logger = (entry: LogEntry): void => {
      entries.push(entry);
      throw new Error("the log is full");
    };
    const client = clientOf({ endpoints: ["c", "a", "b"], logger });
    transport.reach.set("c:7420", "refused");
    const put = client.put("key", "value");
    await clock.advance(2_000);
    await put;
    expect(entries.map(({ level, event, endpoint }) => [level, event, endpoint])).toEqual([
      ["warn", "connect-failed", "c:7420"],
      ["debug", "connected", "a:7420"],
      ["warn", "connection-lost", "a:7420"],
      ["debug", "retry", "a:7420"],
      ["debug", "connected", "b:7420"],
    ]);
    expect(entries[3]).toMatchObject({ code: "CLIENT_UNAVAILABLE", attempts: 1, delayMs: 0 });
  });
});

interface RecordedSpan {
  readonly name: string;
  readonly options: SpanOptions | undefined;
  attributes: Attributes;
  status: unknown;
  isEnded: boolean;
}

/** The parts of the API that are used, recorded. */
function recorder() {
  const spans: RecordedSpan[] = [];
  const durations: [number, Attributes | undefined][] = [];
  const tracer = {
    startSpan(name: string, options?: SpanOptions) {
      const span: RecordedSpan = {
        ...{ name, options, status: undefined, isEnded: false },
        attributes: { ...options?.attributes },
      };
      spans.push(span);
      return {
        setAttribute: (key: string, value: string) => {
          span.attributes[key] = value;
        },
        setAttributes: (more: Attributes) => Object.assign(span.attributes, more),
        setStatus: (status: unknown) => {
          span.status = status;
        },
        end: () => {
          span.isEnded = true;
        },
      };
    },
  } as unknown as Tracer;
  const record = (seconds: number, attributes?: Attributes): void => {
    durations.push([seconds, attributes]);
  };
  const meter = { createHistogram: () => ({ record }) } as unknown as Meter;
  return { spans, durations, interceptor: openTelemetry({ tracer, meter }) };
}

describe("OpenTelemetry", () => {
  test("gets a span and a duration of each call, without its key", async () => {
    const { spans, durations, interceptor } = recorder();
    await clientOf({ interceptors: [interceptor] })
      .keyspace("users")
      .put("secret", "v");
    const server = { "server.address": "a", "server.port": 7420 };
    const call = {
      ...{ "db.system.name": "titan", "db.operation.name": "put", "db.namespace": "users" },
    };
    expect(spans).toMatchObject([{ name: "put users", status: undefined, isEnded: true }]);
    expect(spans[0]?.attributes).toEqual({ ...call, ...server, "titan.attempts": 1 });
    expect(durations).toEqual([[expect.any(Number), { ...call, ...server }]]);
  });

  test("is told the code, the outcome and the server of a failure", async () => {
    const { spans, durations, interceptor } = recorder();
    transport.reply = () => failure(PERMISSION_DENIED);
    await failureOf(clientOf({ interceptors: [interceptor] }).put("key", "v"));
    expect(spans[0]?.status).toMatchObject({ code: SpanStatusCode.ERROR });
    expect(spans[0]?.attributes).toMatchObject({
      ...{ "error.type": "CLIENT_PERMISSION_DENIED", "server.address": "a", "titan.attempts": 1 },
    });
    expect(durations[0]?.[1]).toMatchObject({ "error.type": "CLIENT_PERMISSION_DENIED" });
  });

  test("without an SDK changes nothing", async () => {
    const client = clientOf({ interceptors: [openTelemetry()] });
    await client.put("key", "v");
    expect(transport.sent).toEqual(["a:7420"]);
  });
});

describe("a hedged read", () => {
  /** Connected to both. */
  async function connected(): Promise<TitanClient> {
    const client = clientOf({});
    await client.status("a");
    await client.status("b");
    transport.sent.length = 0;
    return client;
  }

  test("asks another node when the first takes long, and takes what comes first", async () => {
    const client = await connected();
    transport.reply = (address) => (address === "a:7420" ? "silence" : { found: true });
    const read = client.get("key", { hedgeAfterMs: 20 });
    await clock.advance(19);
    expect(transport.sent).toEqual(["a:7420"]);
    await clock.advance(1);
    expect(await read).toBe("");
    expect(transport.sent).toEqual(["a:7420", "b:7420"]);
    await settle();
    expect(clock.pending).toBe(0);
  });

  test("asks nobody else when it is answered in time", async () => {
    const client = await connected();
    await client.get("key", { hedgeAfterMs: 20 });
    await clock.advance(1_000);
    expect(transport.sent).toEqual(["a:7420"]);
    expect(clock.pending).toBe(0);
  });

  test("does not mind that the second one fails, nor that there is none", async () => {
    const client = await connected();
    transport.reply = (address) =>
      address === "a:7420" ? "silence" : failure(PERMISSION_DENIED, "INTERNAL");
    const read = failureOf(client.get("key", { hedgeAfterMs: 20, timeoutMs: 500 }));
    await clock.advance(500);
    expect((await read).code).toBe("CLIENT_TIMEOUT");
    transport.cut("b:7420");
    const alone = failureOf(client.get("key", { hedgeAfterMs: 20, timeoutMs: 500 }));
    await clock.advance(500);
    expect((await alone).code).toMatch(/^CLIENT_(TIMEOUT|UNAVAILABLE)$/);
  });

  test("ends with its signal, at both nodes", async () => {
    const client = await connected();
    transport.reply = () => "silence";
    const stop = new AbortController();
    const read = failureOf(client.get("key", { hedgeAfterMs: 20, signal: stop.signal }));
    await clock.advance(30);
    expect(transport.sent).toEqual(["a:7420", "b:7420"]);
    stop.abort();
    expect((await read).code).toBe("CLIENT_ABORTED");
    expect(clock.pending).toBe(0);
  });

  test("refuses a time that is none", async () => {
    await expect(clientOf({}).get("key", { hedgeAfterMs: 0 })).rejects.toThrow(RangeError);
  });
});
