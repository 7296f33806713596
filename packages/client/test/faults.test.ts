/** What callers see when the network and the nodes misbehave. Real sockets, short deadlines. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Status } from "nice-grpc";
import { describe, expect, test, vi } from "vitest";
import { type FakeNode } from "./fakes/fake-node.js";
import { afterTest, clientOf, FAST, failureOf, gate, hang, startNode } from "./fakes/harness.js";
import { openBlackhole, openHttpServer, openProxy, unusedEndpoint } from "./fakes/sockets.js";
import { titanError } from "./fakes/titan-error.js";
import { VirtualClock } from "./fakes/virtual-clock.js";

describe("a node that is down", () => {
  test("calls fail within their deadline, unapplied, naming the address and the reason", async () => {
    const endpoint = await unusedEndpoint();
    const client = clientOf([endpoint], { timeoutMs: 20_000, retry: { ...FAST, maxAttempts: 2 } });
    const calls = [client.put("k", "v"), client.get("k"), client.status(endpoint)];
    for (const error of await Promise.all(calls.map(failureOf))) {
      expect(error).toMatchObject({ code: "CLIENT_UNAVAILABLE", outcome: "not-applied" });
      expect(error.message).toContain(endpoint);
      expect(error.message).toContain("ECONNREFUSED");
    }
  });

  test("with one attempt the first refusal is final", async () => {
    const endpoint = await unusedEndpoint();
    const client = clientOf([endpoint], { timeoutMs: 60_000, retry: { maxAttempts: 1 } });
    expect(await failureOf(client.get("k"))).toMatchObject({ attempts: 1 });
  });

  test("a server of another kind is such a node, and said to be one", async () => {
    const server = await openHttpServer();
    afterTest(() => server.close());
    const { endpoint } = server;
    const client = clientOf([endpoint], { timeoutMs: 20_000, retry: { maxAttempts: 1 } });
    const error = await failureOf(client.put("k", "v"));
    expect(error).toMatchObject({ code: "CLIENT_UNAVAILABLE", outcome: "not-applied" });
    expect(error.message).toBe(
      `cannot connect to ${endpoint} (what listens there does not speak gRPC)`,
    );
  });

  test("a name that does not resolve is such a node", async () => {
    const client = clientOf(["no-such-host.invalid:1"], {
      timeoutMs: 2_000,
      retry: { maxAttempts: 1 },
    });
    expect(await failureOf(client.get("k"))).toMatchObject({ code: "CLIENT_UNAVAILABLE" });
  });

  test("calls go through once it comes up", async () => {
    const endpoint = await unusedEndpoint();
    const client = clientOf([endpoint]);
    const call = client.put("k", "v");
    await nextTurn();
    await startNode(Number(endpoint.split(":")[1]));
    expect(await call).toEqual({ revision: 1 });
  });

  test("calls go on after a restart, without a new client", async () => {
    const first = await startNode();
    const client = clientOf([first.endpoint]);
    await client.put("k", "v");
    first.kill();
    await startNode(first.port);
    // A read, because a write on a connection that is just dying has an unknown outcome.
    expect(await client.get("k")).toBeUndefined();
    expect(await client.put("k", "again")).toEqual({ revision: 1 });
  });
});

describe("a host that accepts connections and never answers", () => {
  test("alone, it makes calls fail within their deadline, unapplied", async () => {
    const hole = await openBlackhole();
    afterTest(() => hole.close());
    const client = clientOf([hole.endpoint], { timeoutMs: 200 });
    expect(await failureOf(client.put("k", "v"))).toMatchObject({
      code: "CLIENT_UNAVAILABLE",
      outcome: "not-applied",
    });
  });

  test("beside a node that works, it costs no call its deadline", async () => {
    const hole = await openBlackhole();
    afterTest(() => hole.close());
    const node = await startNode();
    const client = clientOf([hole.endpoint, node.endpoint], { timeoutMs: 4_000 });
    for (let n = 0; n < 20; n++) await client.put("k", String(n));
    expect(node.count("put")).toBe(20);
  });
});

describe("a server that does not answer in time", () => {
  test("a write times out with an unknown outcome and is not sent again", async () => {
    const node = await startNode();
    const arrived = hang(node);
    const clock = new VirtualClock();
    const call = failureOf(clientOf([node.endpoint], {}, { clock }).put("k", "v"));
    await arrived;
    await clock.advance(5_000);
    expect(await call).toMatchObject({
      code: "CLIENT_TIMEOUT",
      outcome: "unknown",
      endpoint: node.endpoint,
    });
    expect(node.count("put")).toBe(1);
  });

  test("a read times out unapplied, and the server sees it cancelled", async () => {
    const node = await startNode();
    const cancelled = gate();
    const arrived = gate();
    node.misbehave = (_method, context) => {
      context.signal.addEventListener("abort", () => cancelled.open());
      arrived.open();
      return new Promise(() => {});
    };
    const clock = new VirtualClock();
    const client = clientOf([node.endpoint], {}, { clock });
    const call = failureOf(client.get("k", { timeoutMs: 100 }));
    await arrived.opened;
    await clock.advance(100);
    expect(await call).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "not-applied" });
    await cancelled.opened;
  });

  test("calls that overlap with one that timed out still get their answers", async () => {
    const node = await startNode();
    const hold = gate();
    node.misbehave = (method) => (method === "put" ? hold.opened : undefined);
    const clock = new VirtualClock();
    const client = clientOf([node.endpoint], {}, { clock });
    const patient = client.put("a", "1", { timeoutMs: 60_000 });
    const impatient = failureOf(client.put("b", "2"));
    await vi.waitUntil(() => node.count("put") === 2, { timeout: 10_000 });
    await clock.advance(5_000);
    expect(await impatient).toMatchObject({ code: "CLIENT_TIMEOUT" });
    // The connection has been given up by now, but not under the call that still waits.
    const read = client.get("k", { timeoutMs: 60_000 });
    await clock.advance(1_000);
    expect(await read).toBeUndefined();
    hold.open();
    expect(await patient).toMatchObject({ revision: expect.any(Number) as number });
  });

  test("a network that goes silent costs the calls under way, and no later one its outcome", async () => {
    const node = await startNode();
    const proxy = await openProxy(node.port);
    afterTest(() => proxy.close());
    const client = clientOf([proxy.endpoint], { timeoutMs: 400, connectTimeoutMs: 200 });
    await client.put("k", "1", { timeoutMs: 20_000 });
    proxy.freeze();
    expect(await failureOf(client.put("k", "2"))).toMatchObject({
      code: "CLIENT_TIMEOUT",
      outcome: "unknown",
    });
    expect(await failureOf(client.put("k", "3"))).toMatchObject({
      code: "CLIENT_UNAVAILABLE",
      outcome: "not-applied",
    });
    proxy.thaw();
    await client.put("k", "4", { timeoutMs: 20_000 });
    expect(node.count("put")).toBe(2);
  });

  test("the next call goes to another node", async () => {
    const [a, b] = [await startNode(), await startNode()];
    const arrived = Promise.race([hang(a), hang(b)]);
    const clock = new VirtualClock();
    const client = clientOf([a.endpoint, b.endpoint], {}, { clock });
    const call = failureOf(client.put("k", "v"));
    await arrived;
    await clock.advance(5_000);
    const first = await call;
    expect(first.code).toBe("CLIENT_TIMEOUT");
    expect((await client.status()).endpoint).not.toBe(first.endpoint);
  });
});

describe("a connection that is cut", () => {
  test("a write under way has an unknown outcome and is not sent again", async () => {
    const node = await startNode();
    node.misbehave = () => {
      node.kill();
      return new Promise(() => {});
    };
    const client = clientOf([node.endpoint], { timeoutMs: 1_000 });
    expect(await failureOf(client.put("k", "v"))).toMatchObject({
      code: "CLIENT_UNAVAILABLE",
      outcome: "unknown",
      attempts: 1,
    });
  });

  test("a read under way is sent again elsewhere", async () => {
    const [a, b] = [await startNode(), await startNode()];
    let cut = false;
    for (const node of [a, b]) {
      node.put(Buffer.from("k"), Buffer.from("v"), 0);
      node.misbehave = () => {
        if (cut) return undefined;
        cut = true;
        node.kill();
        return new Promise(() => {});
      };
    }
    const client = clientOf([a.endpoint, b.endpoint]);
    expect(await client.get("k")).toBe("v");
  });

  test("a put whose caller allows it is sent again, and says unknown if that fails too", async () => {
    const node = await startNode();
    node.misbehave = () => {
      node.kill();
      return new Promise(() => {});
    };
    const client = clientOf([node.endpoint], {
      timeoutMs: 20_000,
      retry: { ...FAST, maxAttempts: 3 },
    });
    const error = await failureOf(client.put("k", "v", { retryUnknown: true }));
    expect(error).toMatchObject({ code: "CLIENT_UNAVAILABLE", outcome: "unknown" });
    expect(error.attempts).toBeGreaterThan(1);
  });

  test("a node that flaps loses no read and no acknowledged write", async () => {
    let node = await startNode();
    const client = clientOf([node.endpoint], { timeoutMs: 10_000 });
    for (let round = 0; round < 5; round++) {
      await client.put(`k${round}`, "v");
      node.kill();
      const next = await startNode(node.port);
      next.put(Buffer.from("seen"), Buffer.from(String(round)), 0);
      node = next;
      expect(await client.get("seen")).toBe(String(round));
    }
  });
});

test("writes go on through orderly restarts: none fails, none happens twice", async () => {
  let node = await startNode();
  const stopped: FakeNode[] = [];
  const pause = { misbehave: () => new Promise<void>((resolve) => setImmediate(resolve)) };
  Object.assign(node, pause);
  const client = clientOf([node.endpoint], { timeoutMs: 20_000, retry: { budget: 10_000 } });
  const done = new AbortController();
  let written = 0;
  const writers = Array.from({ length: 32 }, async () => {
    while (!done.signal.aborted) {
      await client.put("k", "v");
      written += 1;
    }
  });
  for (let round = 0; round < 5; round++) {
    const goal = written + 200;
    await vi.waitUntil(() => written >= goal, { timeout: 10_000, interval: 5 });
    await node.stop();
    stopped.push(node);
    node = await startNode(node.port);
    Object.assign(node, pause);
  }
  done.abort();
  await Promise.all(writers);
  const seen = [...stopped, node].map((each) => each.count("put"));
  expect(seen.reduce((sum, puts) => sum + puts, 0)).toBe(written);
}, 60_000);

describe("messages that are too large", () => {
  test("a value over the server's limit is refused unapplied", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint]);
    const fourMiB = 4 * 1024 * 1024;
    expect(await failureOf(client.put("k", "v".repeat(fourMiB)))).toMatchObject({
      code: "CLIENT_INVALID_ARGUMENT",
      outcome: "not-applied",
    });
    const half = { type: "put", key: "k", value: "v".repeat(fourMiB / 2) } as const;
    expect(await failureOf(client.batch([half, half]))).toMatchObject({
      code: "CLIENT_INVALID_ARGUMENT",
      outcome: "not-applied",
    });
    expect(node.calls).toEqual([]);
    expect(await client.get("k")).toBeUndefined();
  });

  test("values and answers over the client's limit are refused here", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint], { maxMessageBytes: 65_536 });
    await expect(client.put("k", "v".repeat(65_537))).rejects.toThrow(RangeError);
    const half = { type: "put", key: "k", value: "v".repeat(40_000) } as const;
    expect(await failureOf(client.batch([half, half]))).toMatchObject({
      code: "CLIENT_INVALID_ARGUMENT",
      outcome: "not-applied",
    });
    expect(node.calls).toEqual([]);
    node.put(Buffer.from("k"), Buffer.alloc(100_000), 0);
    expect(await failureOf(client.get("k"))).toMatchObject({ code: "CLIENT_RESOURCE_EXHAUSTED" });
  });
});

describe("answers that say to try again", () => {
  test("a write refused unapplied is sent again", async () => {
    const node = await startNode();
    let refusals = 3;
    node.misbehave = () => {
      if (refusals-- > 0) {
        throw titanError(Status.RESOURCE_EXHAUSTED, "OVERLOADED", {
          outcome: "not-applied",
          retryMs: 2,
        });
      }
    };
    expect(await clientOf([node.endpoint]).put("k", "v")).toEqual({ revision: 1 });
    expect(node.count("put")).toBe(4);
  });

  test("a server that stays overloaded gives its reason, outcome and hint", async () => {
    const node = await startNode();
    node.misbehave = () => {
      throw titanError(Status.RESOURCE_EXHAUSTED, "OVERLOADED", {
        outcome: "not-applied",
        retryMs: 3,
      });
    };
    const client = clientOf([node.endpoint], { retry: { ...FAST, maxAttempts: 3 } });
    expect(await failureOf(client.put("k", "v"))).toMatchObject({
      code: "CLIENT_OVERLOADED",
      outcome: "not-applied",
      reason: "OVERLOADED",
      retryAfterMs: 3,
      attempts: 3,
      endpoint: node.endpoint,
    });
    expect(node.count("put")).toBe(3);
  });

  test("a hint beyond the deadline ends the call at once", async () => {
    const node = await startNode();
    node.misbehave = () => {
      throw titanError(Status.RESOURCE_EXHAUSTED, "OVERLOADED", { retryMs: 20_001 });
    };
    await failureOf(clientOf([node.endpoint], { timeoutMs: 20_000 }).get("k"));
    expect(node.count("get")).toBe(1);
  });

  test("a node that is stopping is left for another", async () => {
    const [a, b] = [await startNode(), await startNode()];
    a.misbehave = () => {
      throw titanError(Status.UNAVAILABLE, "NOT_SERVING", { outcome: "not-applied", retryMs: 1 });
    };
    const client = clientOf([a.endpoint, b.endpoint]);
    for (let n = 0; n < 10; n++) await client.put("k", String(n));
    expect(b.count("put")).toBe(10);
    expect(a.count("put")).toBeLessThanOrEqual(1);
  });

  test("the budget ends a storm of retries", async () => {
    const node = await startNode();
    node.misbehave = () => {
      throw titanError(Status.RESOURCE_EXHAUSTED, "OVERLOADED", { outcome: "not-applied" });
    };
    const client = clientOf([node.endpoint], { retry: { ...FAST, budget: 10 } });
    await Promise.allSettled(Array.from({ length: 50 }, () => client.put("k", "v")));
    expect(node.count("put")).toBe(50 + 10);
  });
});

test("calls that fail leave no unhandled rejection behind", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  afterTest(() => {
    process.off("unhandledRejection", unhandled);
  });
  const client = clientOf([await unusedEndpoint(), await unusedEndpoint()], { timeoutMs: 100 });
  await Promise.all(Array.from({ length: 50 }, () => failureOf(client.put("k", "v"))));
  const late = failureOf(client.get("k"));
  await client.close();
  await late;
  await nextTurn();
  expect(unhandled).not.toHaveBeenCalled();
});
