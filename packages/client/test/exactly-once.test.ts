import { ServerError, Status } from "nice-grpc";
import { describe, expect, test, vi } from "vitest";
import { WINDOW, WriteSession } from "../src/write-session.js";
import { clientOf, failureOf, startNode } from "./fakes/harness.js";
import { titanError } from "./fakes/titan-error.js";

const ONCE = { exactlyOnce: true };

describe("a session", () => {
  test("gives out numbers no further ahead than the cluster remembers", () => {
    const session = new WriteSession(Buffer.from("s"));
    for (let n = 1; n <= WINDOW; n += 1) expect(session.take()).toBe(n);
    expect(session.hasRoom).toBe(false);
    for (let n = 2; n <= WINDOW; n += 1) session.settle(n);
    expect(session.hasRoom).toBe(false);
    session.settle(1);
    expect(session.hasRoom).toBe(true);
    expect(session.writeId(session.take())).toMatchObject({
      ...{ sequence: WINDOW + 1, acknowledgedBelow: WINDOW + 1 },
    });
  });
});

describe("a write", () => {
  test("whose answer was lost is sent again, and happens once", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint], ONCE);
    let losses = 3;
    node.misbehaveAfter = (method) => {
      if (method === "increment" && losses-- > 0) throw new ServerError(Status.UNAVAILABLE, "cut");
    };
    expect(await client.increment("n")).toMatchObject({ value: 1 });
    expect(node.count("increment")).toBe(4);
    expect(await client.increment("n")).toMatchObject({ value: 2 });
    expect(node.count("openSession")).toBe(1);
  });

  test("without a session stays open", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint]);
    node.misbehaveAfter = () => {
      throw new ServerError(Status.UNAVAILABLE, "cut");
    };
    expect(await failureOf(client.increment("n"))).toMatchObject({ outcome: "unknown" });
    expect(node.count("increment")).toBe(1);
  });

  test("goes on in a new session when the old one is forgotten", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint], ONCE);
    await client.increment("n");
    node.sessions.clear();
    expect(await client.increment("n")).toMatchObject({ value: 2 });
    expect(node.count("openSession")).toBe(2);
  });

  test("that may have happened before its session was forgotten is not sent under another name", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint], ONCE);
    await client.increment("n");
    node.misbehaveAfter = (method) => {
      if (method !== "increment") return;
      node.sessions.clear();
      throw new ServerError(Status.UNAVAILABLE, "cut");
    };
    expect(await failureOf(client.increment("n"))).toMatchObject({
      ...{ reason: "SESSION_EXPIRED", outcome: "unknown" },
    });
    node.misbehaveAfter = () => {};
    expect(await client.increment("n")).toMatchObject({ value: 3 });
  });

  test("finds room in another session when one is slow", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint], { ...ONCE, maxConcurrentCalls: 2 });
    let isFirst = true;
    let release = (): void => {};
    node.misbehave = (method) => {
      if (method !== "put" || !isFirst) return undefined;
      isFirst = false;
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const slow = client.put("slow", "1");
    await vi.waitUntil(() => !isFirst);
    for (let n = 0; n < WINDOW + 10; n += 1) await client.increment("n");
    expect(node.count("openSession")).toBe(2);
    release();
    await slow;
    expect(await client.get("n")).toBe(String(WINDOW + 10));
  });

  test("is refused when no session can be had, and was not done", async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint], ONCE);
    node.misbehave = (method) => {
      if (method === "openSession") throw titanError(Status.INTERNAL, "INTERNAL");
    };
    expect(await failureOf(client.put("k", "v"))).toMatchObject({
      ...{ code: "CLIENT_INTERNAL", outcome: "not-applied" },
      message: expect.stringContaining("no session for the write"),
    });
    expect(node.count("put")).toBe(0);
  });
});

test("sessions end with the client", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint], ONCE);
  await client.put("k", "v");
  expect(node.sessions.size).toBe(1);
  await client.close();
  expect(node.sessions.size).toBe(0);
  await client.close();
  expect(await failureOf(client.put("k", "v"))).toMatchObject({ code: "CLIENT_CLOSED" });
});
