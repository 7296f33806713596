/** Calls that stand in line for most of their time. Real sockets, virtual deadlines. */
import { expect, test, vi } from "vitest";
import { createGrpcTransport } from "../src/grpc-transport.js";
import { isClientError } from "../src/index.js";
import type { Transport } from "../src/ports.js";
import { FakeTransport, zeroes } from "./fakes/fake-transport.js";
import { clientOf, failureOf, hang, startNode } from "./fakes/harness.js";
import { VirtualClock } from "./fakes/virtual-clock.js";

/** Not a claim about time: machines that run tests are busy. */
const PATIENT = { timeout: 20_000 };

test("calls in line whose time is over are not sent", async () => {
  const node = await startNode();
  const arrived = hang(node);
  const clock = new VirtualClock();
  const client = clientOf([node.endpoint], { maxConcurrentCalls: 1 }, { clock });
  const calls = ["a", "b", "c"].map((key) => failureOf(client.put(key, "v")));
  await arrived;
  await clock.advance(5_000);
  const [sent, ...waiting] = await Promise.all(calls);
  expect(sent).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "unknown" });
  for (const error of waiting) {
    expect(error).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "not-applied", attempts: 0 });
  }
  expect(node.count("put")).toBe(1);
});

test("a call that got its turn late does not cost the others their connection", async () => {
  const node = await startNode();
  void hang(node);
  const clock = new VirtualClock();
  const options = { maxMessageBytes: 65_536, keepaliveMs: 60_000, pipelining: true };
  const real = createGrpcTransport(options, clock);
  const connect = vi.fn((...how: Parameters<Transport["connect"]>) => real.connect(...how));
  const ports = { clock, transport: { connect } };
  const client = clientOf([node.endpoint], { maxConcurrentCalls: 1 }, ports);
  const given = new AbortController();
  const first = failureOf(client.put("a", "v", { timeoutMs: 60_000, signal: given.signal }));
  const late = failureOf(client.put("b", "v"));
  await vi.waitUntil(() => node.count("put") === 1, PATIENT);
  await clock.advance(4_900);
  given.abort();
  await first;
  await vi.waitUntil(() => node.count("put") === 2, PATIENT);
  await clock.advance(100);
  expect(await late).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "unknown" });
  await client.get("a");
  expect(connect).toHaveBeenCalledTimes(1);
});

test("of 100,000 calls at once the line takes its share, and refuses the others before they are sent", async () => {
  const transport = new FakeTransport();
  const ports = { clock: new VirtualClock(), random: zeroes, transport };
  const client = clientOf(["a:1"], {}, ports);
  const codes = new Map<string, number>();
  const count = (code: string): void => void codes.set(code, (codes.get(code) ?? 0) + 1);
  const calls = Array.from({ length: 100_000 }, () =>
    client.put("key", "value").then(
      () => count("answered"),
      (error: unknown) => count(isClientError(error) ? `${error.code} ${error.outcome}` : "defect"),
    ),
  );
  await Promise.all(calls);
  // What is on the wire and what waits in line: `maxConcurrentCalls` and `maxQueuedCalls`.
  const answered = 1_024 + 65_536;
  expect(Object.fromEntries(codes)).toEqual({
    answered,
    "CLIENT_OVERLOADED not-applied": 100_000 - answered,
  });
  expect(transport.sent).toHaveLength(answered);
});
