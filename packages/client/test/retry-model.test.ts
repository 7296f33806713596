/**
 * Calls against servers that fail at random, under a virtual clock. Whatever happens: a call settles by its
 * deadline; a write whose outcome was unknown is not sent again; what the error says of the outcome is
 * true; nothing is left behind.
 */
import { describe, expect, test } from "vitest";
import { isClientError, TitanClient } from "../src/index.js";
import { FakeTransport, failure, type Reply, seeded } from "./fakes/fake-transport.js";
import { VirtualClock } from "./fakes/virtual-clock.js";

const SEED = Number(process.env["TITAN_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const RUNS = Number(process.env["TITAN_RUNS"] ?? 300);
const ENDPOINTS = ["a", "b", "c"];
const TIMEOUT_MS = 5_000;
const MAX_ATTEMPTS = 10;

/** What a server may do with a call, and whether it may have been applied then. */
const REPLIES: readonly { readonly reply: Reply; readonly mayApply: boolean }[] = [
  { reply: { found: false }, mayApply: true },
  {
    reply: failure(8, "OVERLOADED", { outcome: "not-applied", retryAfterMs: 20 }),
    mayApply: false,
  },
  { reply: failure(8, "OVERLOADED", { outcome: "not-applied" }), mayApply: false },
  { reply: failure(14, "NO_LEADER", { outcome: "not-applied" }), mayApply: false },
  { reply: failure(14, "NOT_SERVING", { outcome: "not-applied" }), mayApply: false },
  { reply: failure(14, "STORE_FAILED", { outcome: "unknown" }), mayApply: true },
  { reply: failure(14), mayApply: true },
  { reply: failure(1), mayApply: true },
  { reply: failure(13, undefined, { message: "Received RST_STREAM with code 2" }), mayApply: true },
  { reply: failure(13, "INTERNAL", { outcome: "unknown" }), mayApply: true },
  { reply: failure(3, "FIELD_INVALID", { outcome: "not-applied" }), mayApply: false },
  { reply: "silence", mayApply: true },
];

describe(`with TITAN_SEED=${SEED}`, () => {
  for (const repeatable of [false, true]) {
    test(`writes ${repeatable ? "that may be repeated" : "that must not be"}`, async () => {
      for (let run = 0; run < RUNS; run++) await runOnce(SEED + run, repeatable);
    });
  }
});

async function runOnce(seed: number, repeatable: boolean): Promise<void> {
  const random = seeded(seed);
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  for (const name of ENDPOINTS) {
    const how = (["up", "up", "refused", "silent"] as const)[random.nextInt(4)] ?? "up";
    transport.reach.set(`${name}:7420`, how);
  }
  let mayHaveApplied = false;
  let sentAfterUnknown = false;
  transport.reply = () => {
    if (mayHaveApplied) sentAfterUnknown = true;
    const chosen = REPLIES[random.nextInt(REPLIES.length)];
    if (chosen === undefined) throw new Error("no reply");
    mayHaveApplied ||= chosen.mayApply;
    return chosen.reply;
  };
  const client = new TitanClient(
    { endpoints: ENDPOINTS, timeoutMs: TIMEOUT_MS, retry: { maxAttempts: MAX_ATTEMPTS } },
    { clock, random, transport },
  );
  const ended = { result: undefined as unknown };
  const call = client.put("k", "v", { retryUnknown: repeatable }).then(
    (value) => {
      ended.result = value;
    },
    (error: unknown) => {
      ended.result = error;
    },
  );
  await clock.advance(TIMEOUT_MS);
  expect(ended.result, `seed ${seed}: settled by the deadline`).toBeDefined();
  await call;

  expect(transport.sent.length, `seed ${seed}: tries`).toBeLessThanOrEqual(MAX_ATTEMPTS);
  if (!repeatable) expect(sentAfterUnknown, `seed ${seed}: sent after unknown`).toBe(false);
  if (ended.result instanceof Error) {
    if (!isClientError(ended.result)) throw ended.result;
    const claimed = ended.result.outcome;
    if (claimed === "not-applied") expect(mayHaveApplied, `seed ${seed}: outcome`).toBe(false);
    if (transport.sent.length === 0) expect(claimed, `seed ${seed}: unsent`).toBe("not-applied");
  }
  await client.close();
  expect(transport.open, `seed ${seed}: connections left`).toBe(0);
  await clock.advance(10_000);
  expect(clock.pending, `seed ${seed}: timers left`).toBe(0);
}
