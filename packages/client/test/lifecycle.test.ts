/** Calls that are ended from this side, and many of them at once. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { TitanClient } from "../src/index.js";
import { afterTest, clientOf, failureOf, gate, startNode } from "./fakes/harness.js";
import { openBlackhole } from "./fakes/sockets.js";
import { VirtualClock } from "./fakes/virtual-clock.js";

const CALLS = process.env["TITAN_THOROUGH"] === "1" ? 10_000 : 2000;

describe("abort and close", () => {
  test("an abort ends the call on both sides, with the caller's reason as cause", async () => {
    const node = await startNode();
    const cancelled = gate();
    const arrived = gate();
    node.misbehave = (_method, context) => {
      arrived.open();
      context.signal.addEventListener("abort", () => cancelled.open());
      return new Promise(() => {});
    };
    const stop = new AbortController();
    const call = failureOf(clientOf([node.endpoint]).put("k", "v", { signal: stop.signal }));
    await arrived.opened;
    stop.abort(new Error("enough"));
    const error = await call;
    expect(error).toMatchObject({ code: "CLIENT_ABORTED", outcome: "unknown" });
    expect(error.cause).toMatchObject({ message: "enough" });
    await cancelled.opened;
  });

  test("a call with a signal that fired already is not sent", async () => {
    const node = await startNode();
    const call = clientOf([node.endpoint]).put("k", "v", { signal: AbortSignal.abort() });
    expect(await failureOf(call)).toMatchObject({
      code: "CLIENT_ABORTED",
      outcome: "not-applied",
      attempts: 0,
    });
    expect(node.calls).toEqual([]);
  });

  test("close settles every call under way and refuses those that come later", async () => {
    const node = await startNode();
    const arrived = gate();
    node.misbehave = () => {
      arrived.open();
      return new Promise(() => {});
    };
    const client = clientOf([node.endpoint], { maxConcurrentCalls: 2 });
    const calls = Array.from({ length: 5 }, (_, n) => failureOf(client.put(`k${n}`, "v")));
    await arrived.opened;
    await nextTurn();
    await client.close();
    await client.close();
    const errors = await Promise.all(calls);
    expect(errors.map((error) => error.code)).toEqual(Array(5).fill("CLIENT_CLOSED"));
    expect(errors.map((error) => error.outcome)).toEqual([
      "unknown",
      "unknown",
      "not-applied",
      "not-applied",
      "not-applied",
    ]);
    expect(await failureOf(client.get("k"))).toMatchObject({ code: "CLIENT_CLOSED", attempts: 0 });
    const scan = client.scan()[Symbol.asyncIterator]();
    expect(await failureOf(scan.next())).toMatchObject({ code: "CLIENT_CLOSED" });
  });

  test("close while connecting settles the call", async () => {
    const hole = await openBlackhole();
    afterTest(() => hole.close());
    const client = clientOf([hole.endpoint]);
    const call = failureOf(client.put("k", "v"));
    await nextTurn();
    await client.close();
    expect(await call).toMatchObject({ code: "CLIENT_CLOSED", outcome: "not-applied" });
  });

  test("await using closes the client", async () => {
    const node = await startNode();
    let kept: TitanClient;
    {
      await using client = new TitanClient({ endpoints: [node.endpoint] });
      await client.put("k", "v");
      kept = client;
    }
    expect(await failureOf(kept.get("k"))).toMatchObject({ code: "CLIENT_CLOSED" });
  });
});

describe("many calls at once", () => {
  test(`${CALLS} calls are all answered, no more than maxConcurrentCalls at a time`, async () => {
    const node = await startNode();
    const client = clientOf([node.endpoint], { maxConcurrentCalls: 100, timeoutMs: 120_000 });
    const puts = Array.from({ length: CALLS }, (_, n) => client.put(`k${n % 100}`, "v"));
    const revisions = new Set((await Promise.all(puts)).map(({ revision }) => revision));
    expect(revisions.size).toBe(CALLS);
    expect(node.peak).toBeLessThanOrEqual(100);
  }, 120_000);

  test("a full line refuses at once, unapplied", async () => {
    const node = await startNode();
    const hold = gate();
    node.misbehave = () => hold.opened;
    const client = clientOf([node.endpoint], { maxConcurrentCalls: 2, maxQueuedCalls: 3 });
    const calls = Array.from({ length: 5 }, () => client.put("k", "v"));
    expect(await failureOf(client.put("k", "v"))).toMatchObject({
      code: "CLIENT_OVERLOADED",
      outcome: "not-applied",
      attempts: 0,
      reason: undefined,
    });
    hold.open();
    await Promise.all(calls);
    expect(await client.get("k")).toBe("v");
  });

  test("a call that waits in line past its deadline is unapplied", async () => {
    const node = await startNode();
    const arrived = gate();
    node.misbehave = () => {
      arrived.open();
      return new Promise(() => {});
    };
    const clock = new VirtualClock();
    const client = clientOf([node.endpoint], { maxConcurrentCalls: 1 }, { clock });
    const first = failureOf(client.put("k", "v", { timeoutMs: 300 }));
    const second = failureOf(client.put("k", "v", { timeoutMs: 100 }));
    await arrived.opened;
    await clock.advance(300);
    expect(await second).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "not-applied" });
    expect(await first).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "unknown" });
    expect(node.count("put")).toBe(1);
  });
});
