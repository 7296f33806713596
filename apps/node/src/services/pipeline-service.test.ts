import {
  type PipelineCall,
  type PipelineRequest,
  type PipelineResponse,
  PipelineServiceDefinition,
} from "@titan/proto";
import { type CallContext, Metadata, Status } from "nice-grpc";
import { describe, expect, test } from "vitest";
import { KvError } from "../kv/kv-error.js";
import { silentLogger } from "../logger.js";
import { Admission } from "./admission.js";
import { Calls, withMalformedRequests } from "./calls.js";
import type { KvCalls } from "./kv-calls.js";
import { createPipelineService } from "./pipeline-service.js";
import { RpcErrors } from "./rpc-error.js";

type Frames = AsyncIterator<PipelineResponse>;

const LIMITS = { concurrentRequests: 100_000, concurrentScans: 1, requestBytes: 2 ** 40 };

function rig(get: (key: string) => Promise<Uint8Array> = async () => new Uint8Array(0)) {
  const admission = new Admission(LIMITS);
  const errors = new RpcErrors({
    ...{ logger: silentLogger, nextIncident: () => "incident", onStoreFailed: () => undefined },
  });
  const state = { begun: 0, isOpen: true, leader: undefined as number | undefined };
  const kvCalls = {
    get: {
      ...{ kind: "read", weigh: () => 0 },
      serve: async ({ key }: { key: Uint8Array }) => {
        state.begun += 1;
        return { found: true, shard: 4, value: await get(Buffer.from(key).toString()) };
      },
    },
  } as unknown as KvCalls;
  const router = { leaderElsewhere: () => state.leader };
  const current = () => (state.isOpen ? { kvCalls, router } : undefined);
  const service = createPipelineService(current, new Calls(admission, errors), 1_000);
  const client = new AbortController();
  const requests: unknown[] = [];
  let isEnded = false;
  let wake = (): void => undefined;
  async function* sent(): AsyncGenerator<PipelineRequest> {
    for (;;) {
      const next = requests.shift();
      if (next !== undefined) yield next as PipelineRequest;
      else if (isEnded) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  const context = { trailer: Metadata(), signal: client.signal } as CallContext;
  const responses = service.pipeline(sent(), context);
  const frames = responses[Symbol.asyncIterator]() as Frames;
  const send = (...calls: Partial<PipelineCall>[]): void => {
    requests.push({ calls });
    wake();
  };
  const end = (): void => {
    isEnded = true;
    wake();
  };
  return { frames, send, end, state, admission, client, requests };
}

function ask(id: number, key = "k"): PipelineCall {
  const value = { key: Buffer.from(key), keyspace: "", read: undefined };
  return { id, timeoutMs: 0, call: { $case: "get", value } };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function idsOf(frames: Frames): Promise<number[]> {
  const { value } = await frames.next();
  return (value as PipelineResponse).answers.map(({ id }) => id);
}

describe("a pipeline", () => {
  test("answers what comes together together, and ends behind the last answer", async () => {
    const { frames, send, end } = rig();
    send(ask(7), ask(8));
    expect(await idsOf(frames)).toEqual([7, 8]);
    send(ask(9));
    end();
    expect(await idsOf(frames)).toEqual([9]);
    expect((await frames.next()).done).toBe(true);
  });

  test("does not hold a call up for a slow one, and waits for that at its end", async () => {
    let release = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { frames, send, end } = rig(async (key) => {
      if (key === "slow") await slow;
      return new Uint8Array(0);
    });
    send(ask(1, "slow"), ask(2));
    end();
    expect(await idsOf(frames)).toEqual([2]);
    const last = idsOf(frames);
    release();
    expect(await last).toEqual([1]);
    expect((await frames.next()).done).toBe(true);
  });

  test("reads no more while too many answers wait for a client that takes none", async () => {
    const { frames, send, state } = rig();
    // Begins it; nobody takes the answers.
    const first = idsOf(frames);
    for (let id = 1; id <= 20_000; id += 100) {
      send(...Array.from({ length: 100 }, (_, at) => ask(id + at)));
    }
    let answered = (await first).length;
    await turns(200);
    expect(state.begun).toBeLessThanOrEqual(answered + 4096);
    while (answered < 20_000) answered += (await idsOf(frames)).length;
    expect(state.begun).toBe(20_000);
  });

  test("holds values back to 8 MiB, and has large ones asked for apart", async () => {
    const { frames, send, state } = rig(async (key) => new Uint8Array(Number(key)));
    send(ask(1, String(200_000)));
    const { value } = await frames.next();
    expect((value as PipelineResponse).answers[0]?.answer).toEqual({
      ...{ $case: "tooLarge", value: true },
    });
    for (let id = 2; id < 1_002; id += 1) send(ask(id, String(100_000)));
    await turns(1_200);
    expect(state.begun).toBeLessThan(100);
    let answered = 0;
    while (answered < 1_000) answered += (await idsOf(frames)).length;
  });

  test("says that the node stops, and refuses what comes then", async () => {
    const { frames, send, end, admission } = rig();
    send(ask(1));
    await frames.next();
    const next = frames.next();
    admission.stop(new KvError({ code: "NOT_SERVING", message: "stopping" }));
    expect((await next).value).toMatchObject({ stopping: true, answers: [] });
    send(ask(2));
    end();
    const { value } = await frames.next();
    expect((value as PipelineResponse).answers[0]?.answer).toMatchObject({
      $case: "failure",
      value: { status: Status.UNAVAILABLE, reason: "NOT_SERVING", retryAfterMs: 1_000 },
    });
    expect((await frames.next()).done).toBe(true);
  });

  test("refuses calls one by one: what is not set, and all while the node starts", async () => {
    const { frames, send, state } = rig();
    send({ id: 1, timeoutMs: 0, call: undefined });
    const refused = (await frames.next()).value as PipelineResponse;
    expect(refused.answers[0]?.answer).toMatchObject({ value: { reason: "FIELD_INVALID" } });
    state.isOpen = false;
    send(ask(2));
    const early = (await frames.next()).value as PipelineResponse;
    expect(early.answers[0]?.answer).toMatchObject({
      value: {
        reason: "NOT_SERVING",
        metadata: [{ name: "outcome", value: "not-applied" }],
      },
    });
  });

  test("says who leads a shard of which a call was passed on", async () => {
    const { frames, send, state } = rig();
    send(ask(1));
    expect(((await frames.next()).value as PipelineResponse).leaders).toEqual([]);
    state.leader = 3;
    send(ask(2), ask(3));
    const { leaders } = (await frames.next()).value as PipelineResponse;
    expect(leaders).toEqual([{ shard: 4, nodeNumber: 3 }]);
  });

  test("fails with its client, and frees what it holds", async () => {
    const { frames, client } = rig();
    const next = frames.next();
    client.abort();
    await expect(next).rejects.toMatchObject({ name: "AbortError" });
  });
});

test("a pipeline fails with a status of ours for what it cannot read", async () => {
  const { frames, requests, end } = rig();
  const { methods } = withMalformedRequests(PipelineServiceDefinition);
  requests.push(methods.pipeline.requestType.decode(Uint8Array.of(0xff)));
  end();
  await expect(frames.next()).rejects.toMatchObject({ code: Status.INVALID_ARGUMENT });
});
