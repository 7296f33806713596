import {
  type DeepPartial,
  PipelineAnswer,
  type PipelineRequest,
  type PipelineResponse,
} from "@titan/proto";
import { describe, expect, test, vi } from "vitest";
import { MakeApart, Pipeline } from "../src/pipeline.js";
import { RpcFailure } from "../src/ports.js";
import { FakeNode } from "./fakes/fake-node.js";
import { afterTest, clientOf, failureOf, startNode } from "./fakes/harness.js";
import { settle, VirtualClock } from "./fakes/virtual-clock.js";

/** A stream whose other end is played by the test. */
function rig() {
  const clock = new VirtualClock();
  const frames: (readonly number[])[] = [];
  const state = { isEndedByClient: false, isAborted: false };
  let push: (response: PipelineResponse | Error | undefined) => void = () => {};
  const responses: (PipelineResponse | Error | undefined)[] = [];
  async function* answers(): AsyncGenerator<PipelineResponse> {
    for (;;) {
      const next = responses.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) yield next;
      else {
        const given = await new Promise<PipelineResponse | Error | undefined>((resolve) => {
          push = resolve;
        });
        if (given === undefined) return;
        responses.push(given);
      }
    }
  }
  const open = (requests: AsyncIterable<DeepPartial<PipelineRequest>>, signal: AbortSignal) => {
    signal.addEventListener("abort", () => {
      state.isAborted = true;
      push(new Error("aborted"));
    });
    void (async () => {
      for await (const { calls = [] } of requests) frames.push(calls.map(({ id = 0 }) => id));
      state.isEndedByClient = true;
    })();
    return answers();
  };
  const pipeline = new Pipeline({ open }, { clock, onLeader: () => {} });
  const ask = (key: string, signal = new AbortController().signal) => {
    const value = { key: Buffer.from(key), keyspace: "", read: undefined };
    const answer = pipeline.call({ $case: "get", value }, signal, 1_000);
    answer.catch(() => undefined);
    return answer;
  };
  const answer = async (...ids: number[]): Promise<void> => {
    const all = ids.map((id) =>
      PipelineAnswer.fromPartial({ id, answer: { $case: "get", value: { revision: id } } }),
    );
    push({ answers: all, stopping: false, leaders: [] });
    await settle();
  };
  const say = async (response: PipelineResponse | Error | undefined): Promise<void> => {
    push(response);
    await settle();
  };
  return { pipeline, clock, frames, state, ask, answer, say };
}

describe("calls", () => {
  test("of one turn travel together, those that follow its answers too", async () => {
    const { frames, ask, answer } = rig();
    const follow = async (key: string): Promise<void> => {
      await ask(key);
      void ask(`${key}-next`);
    };
    const both = [follow("a"), follow("b")];
    void ask("c");
    await settle();
    expect(frames).toEqual([[1, 2, 3]]);
    await answer(2, 1);
    await Promise.all(both);
    await settle();
    expect(frames).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  test("are answered in any order, each with its own", async () => {
    const { ask, answer } = rig();
    const calls = ["a", "b", "c"].map((key) => ask(key));
    await settle();
    await answer(3, 1);
    await answer(2);
    const revisions = await Promise.all(calls);
    expect(revisions).toMatchObject([{ revision: 1 }, { revision: 2 }, { revision: 3 }]);
  });

  test("that are given up before they are sent never are; a late answer is nobody's", async () => {
    const { frames, ask, answer } = rig();
    const early = new AbortController();
    const late = new AbortController();
    const calls = [ask("a", early.signal), ask("b", late.signal), ask("c")];
    early.abort(new Error("early"));
    await settle();
    late.abort(new Error("late"));
    await answer(2, 3);
    expect(frames).toEqual([[2, 3]]);
    await expect(calls[0]).rejects.toThrow("early");
    await expect(calls[1]).rejects.toThrow("late");
    expect(await calls[2]).toMatchObject({ revision: 3 });
  });

  test("that have ended before they were begun are not sent", async () => {
    const { frames, ask } = rig();
    await expect(ask("a", AbortSignal.abort(new Error("over")))).rejects.toThrow("over");
    await settle();
    expect(frames).toEqual([]);
  });

  test("fail as the server says", async () => {
    const { ask, say } = rig();
    const call = ask("a");
    await settle();
    const metadata = [{ name: "leader", value: "2" }];
    const value = {
      ...{ status: 14, message: "not here", reason: "NOT_LEADER", metadata, retryAfterMs: 50 },
    };
    const failed = PipelineAnswer.fromPartial({ id: 1, answer: { $case: "failure", value } });
    await say({ answers: [failed], stopping: false, leaders: [] });
    await expect(call).rejects.toMatchObject({
      ...{ name: "RpcFailure", status: 14, message: "not here", retryAfterMs: 50 },
      info: { reason: "NOT_LEADER", metadata: { leader: "2" } },
    });
  });
});

describe("the stream", () => {
  test("of a server that stops is ended behind the answers; what was not sent was not done", async () => {
    const { pipeline, frames, state, ask, answer, say } = rig();
    const sent = ask("a");
    await settle();
    await say({ answers: [], stopping: true, leaders: [] });
    expect(pipeline.isServerStopping).toBe(true);
    expect(pipeline.isOver).toBe(true);
    expect(state.isEndedByClient).toBe(true);
    await answer(1);
    expect(await sent).toMatchObject({ revision: 1 });
    expect(frames).toEqual([[1]]);
    expect(state.isAborted).toBe(true);
  });

  test("that breaks leaves open what was sent, and only that", async () => {
    const { ask, say } = rig();
    const sent = ask("a");
    await settle();
    const unsent = ask("b");
    const failure = new RpcFailure({
      ...{ status: 14, message: "cut", info: undefined, retryAfterMs: undefined },
    });
    const said = say(failure);
    await expect(sent).rejects.toBe(failure);
    await said;
    await expect(unsent).rejects.toMatchObject({ name: "RpcFailure" });
  });

  test("that is refused is refused for its first frame, and says nothing of frames before the last", async () => {
    const refusal = () =>
      new RpcFailure({
        ...{ status: 3, message: "too large", retryAfterMs: undefined },
        info: { reason: "REQUEST_TOO_LARGE", metadata: { outcome: "not-applied" } },
      });
    const one = rig();
    const only = one.ask("a");
    await settle();
    await one.say(refusal());
    await expect(only).rejects.toMatchObject({ status: 3, info: { reason: "REQUEST_TOO_LARGE" } });

    const two = rig();
    const served = two.ask("a");
    await settle();
    const refused = two.ask("b");
    await settle();
    expect(two.frames).toEqual([[1], [2]]);
    await two.say(refusal());
    for (const call of [served, refused]) {
      await expect(call).rejects.toMatchObject({ status: 14, info: undefined, neverSent: false });
    }
  });

  test("of a server that knows none has the calls made by themselves", async () => {
    const { ask, say } = rig();
    const call = ask("a");
    await settle();
    const status = { status: 12, message: "no such method" };
    await say(new RpcFailure({ ...status, info: undefined, retryAfterMs: undefined }));
    await expect(call).rejects.toBeInstanceOf(MakeApart);
  });

  test("is ended when nothing has been asked for a while", async () => {
    const { pipeline, clock, state, ask, answer } = rig();
    void ask("a");
    await settle();
    await answer(1);
    await clock.advance(99);
    void ask("b");
    await clock.advance(1_000);
    expect(state.isAborted).toBe(false);
    await answer(2);
    await clock.advance(100);
    expect(state.isAborted).toBe(true);
    expect(pipeline.isOver).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe("a client", () => {
  test("sends what is asked at once in one frame, and each by itself when told to", async () => {
    const node = await startNode();
    const all = Array.from({ length: 50 }, (_, n) => String(n));
    const client = clientOf([node.endpoint]);
    await client.put("warm", "up");
    await Promise.all(all.map((key) => client.put(key, key)));
    expect(node.frames).toEqual([1, 50]);
    expect(await Promise.all(all.map((key) => client.get(key)))).toEqual(all);
    const alone = clientOf([node.endpoint], { pipelining: false });
    expect(await Promise.all(all.map((key) => alone.get(key)))).toEqual(all);
    expect(node.frames).toEqual([1, 50, 50]);
  });

  test("sends large values by themselves", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint]);
    const large = "v".repeat(100_000);
    await client.put("large", large);
    expect(node.frames).toEqual([]);
    expect(await client.get("large")).toBe(large);
  });

  test("goes on by single calls with a server that knows no pipelines", async () => {
    const node = await FakeNode.start(0, false);
    afterTest(() => node.kill());
    const client = clientOf([node.endpoint]);
    await Promise.all(["a", "b"].map((key) => client.put(key, key)));
    expect(await client.get("a")).toBe("a");
    expect(node.count("put")).toBe(2);
  });

  test("leaves a server that is stopping for another, and no write is in doubt", async () => {
    const first = await startNode();
    const second = await startNode();
    const client = clientOf([first.endpoint, second.endpoint]);
    for (const n of [1, 2]) await client.put("warm", String(n));
    const [stopping, other] = first.frames.length > 0 ? [first, second] : [second, first];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    stopping.misbehave = () => held;
    const slow = client.put("slow", "1");
    await vi.waitUntil(() => stopping.count("put") === 3);
    stopping.stopping.abort();
    const later = Promise.all(["a", "b"].map((key) => client.put(key, key)));
    await later;
    expect(other.count("put")).toBe(2);
    release();
    await slow;
  });

  test("a slow call holds no other up, and ends at its deadline", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint]);
    node.misbehave = (method) => (method === "put" ? new Promise(() => {}) : undefined);
    const slow = failureOf(client.put("slow", "1", { timeoutMs: 300 }));
    await Promise.all(["a", "b", "c"].map((key) => client.get(key)));
    expect(await slow).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "unknown" });
  });
});
