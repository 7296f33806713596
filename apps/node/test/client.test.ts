/** @titan/client and a real node: what the client's own tests show against a fake, shown on the real thing. */

import { type Clock, SystemClock } from "@titan/bitcask";
import { TitanClient } from "@titan/client";
import { describe, expect, test } from "vitest";
import { withSpawnedNode } from "./support/spawned-node.js";
import { withDirectory } from "./support/test-node.js";
import { outcomeOf, withTitan } from "./support/titan-client.js";

const CALLERS = 64;
const callers = <T>(work: (caller: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));

async function keysOf(client: TitanClient, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of client.scan({ prefix, keysOnly: true })) keys.push(key);
  return keys;
}

describe("values", () => {
  test("text, bytes and JSON come back as they went in, by get and by scan", () =>
    withTitan(async ({ client }) => {
      const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const json = { name: "Ada", tags: ["a", ""], nested: { n: -0.5, nothing: null } };
      const views = { bytes: client.withValues("bytes"), json: client.withValues("json") };
      const { revision } = await client.put("ключ 🗝", "значение\u0000");
      await client.put("empty", "");
      await views.bytes.put("every/byte", everyByte);
      await views.json.put("json", json);

      expect(await client.getEntry("ключ 🗝")).toEqual({
        ...{ key: "ключ 🗝", value: "значение\u0000", revision },
      });
      expect(await client.get("empty")).toBe("");
      expect([...((await views.bytes.get("every/byte")) ?? [])]).toEqual([...everyByte]);
      expect(await views.json.get("json")).toEqual(json);
      await expect(client.get("every/byte")).rejects.toMatchObject({
        code: "CLIENT_DECODE_FAILED",
      });
      const found: [string, number][] = [];
      for await (const { key, value } of views.bytes.scan()) found.push([key, value.length]);
      expect(found).toEqual([
        ["empty", 0],
        ["every/byte", 256],
        ["json", Buffer.byteLength(JSON.stringify(json))],
        ["ключ 🗝", Buffer.byteLength("значение\u0000")],
      ]);
    }));

  test("keys of any bytes need a client that takes them as bytes", () =>
    withTitan(async ({ client, address }) => {
      const keys = [Uint8Array.of(0), Uint8Array.of(0xfe, 0xff), Uint8Array.of(0xff, 0xff)];
      for (const key of keys) await client.put(key, "v");
      await expect(keysOf(client)).rejects.toMatchObject({ code: "CLIENT_DECODE_FAILED" });
      const inBytes = new TitanClient({ endpoints: [address], keys: "bytes" });
      const found: unknown[] = [];
      for await (const { key } of inBytes.scan()) found.push(Buffer.from(key));
      await inBytes.close();
      expect(found).toEqual(keys.map((key) => Buffer.from(key)));
    }));

  test("a value over the server's limit is refused unapplied, with what the limit is", () =>
    withTitan(async ({ client }) => {
      const overLimit = client.put("k", "v".repeat(1_048_577));
      await expect(overLimit).rejects.toMatchObject({
        ...{ code: "CLIENT_INVALID_ARGUMENT", outcome: "not-applied", reason: "VALUE_TOO_LARGE" },
        metadata: { limit: "1048576", actual: "1048577" },
      });
      // So large that the server does not even read it.
      for (const size of [5_000_000, 40_000_000]) {
        const unread = client.put("k", "v".repeat(size));
        await expect(unread).rejects.toMatchObject({
          ...{ code: "CLIENT_INVALID_ARGUMENT", outcome: "not-applied", attempts: 1 },
          ...{ reason: "REQUEST_TOO_LARGE", metadata: { limit: expect.stringMatching(/^\d+$/) } },
        });
      }
      expect(await client.get("k")).toBeUndefined();
      await client.put("k", "the connection goes on");
    }));
});

/** Its wall clock stands still but for jumps; what is measured and scheduled is as ever. */
class JumpingClock implements Clock {
  readonly #clock = new SystemClock();
  #wallMs = this.#clock.wallMs();

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  wallMs(): number {
    return this.#wallMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.#clock.schedule(delayMs, callback);
  }

  jump(milliseconds: number): void {
    this.#wallMs += milliseconds;
  }
}

test("a time to live is told, kept through a restart, and ends for every kind of call", () => {
  const clock = new JumpingClock();
  const body = async ({ client, restart }: Parameters<Parameters<typeof withTitan>[0]>[0]) => {
    await client.put("session", "1", { ttlMs: 60_000 });
    await client.put("stays", "1");
    clock.jump(20_000);
    expect(await client.getEntry("session")).toMatchObject({ value: "1", ttlMs: 40_000 });
    expect(await client.increment("session")).toMatchObject({ value: 2 });
    await restart();
    clock.jump(39_999);
    expect(await client.getEntry("session")).toMatchObject({ value: "2", ttlMs: 1 });
    clock.jump(1);
    // It is gone when the shard's leader has said so.
    await expect.poll(() => client.get("session")).toBeUndefined();
    expect(await keysOf(client)).toEqual(["stays"]);
    expect(await client.delete("session")).toBe(false);
    const put = await client.cas("session", { expected: "absent", value: "new" });
    expect(put.applied).toBe(true);
    expect(await client.getEntry("session")).not.toHaveProperty("ttlMs");
  };
  return withTitan(body, { ports: { clock } });
});

describe("transactions, keyspaces and stale reads", () => {
  test("a transaction does one list or the other, and says what came of each operation", () =>
    withTitan(async ({ client }) => {
      const [x, y] = ["{t}x", "{t}y"];
      const claim = {
        if: [{ key: x, exists: false }],
        then: [
          { type: "put", key: x, value: "1" },
          { type: "delete", key: y },
        ],
        otherwise: [
          { type: "get", key: x },
          { type: "get", key: y },
        ],
      } as const;
      const first = await client.txn(claim);
      const { revision } = first;
      expect(first).toMatchObject({
        ...{ succeeded: true, answers: [{ type: "put" }, { existed: false }] },
      });
      const again = await client.txn(claim);
      expect(again.succeeded).toBe(false);
      expect(again.answers).toEqual([
        { type: "get", entry: { key: x, value: "1", revision } },
        { type: "get", entry: undefined },
      ]);
      const compared = await client.txn({
        if: [
          { key: x, value: "1" },
          { key: x, revision: revision + 1, is: "less" },
          { key: y, value: "1", is: "not-equal" },
        ],
      });
      expect(compared).toMatchObject({ succeeded: true, answers: [] });
    }));

  test("what is wrong with a transaction is said before it is sent", () =>
    withTitan(async ({ client }) => {
      const good = { type: "put", key: "k", value: "v" };
      const bad: readonly [object, RegExp][] = [
        [{ if: [{ key: "", exists: true }] }, /if\[0\]: a key has at least one byte/],
        [{ if: [{ key: "k" }] }, /if\[0\]: a condition has/],
        [{ if: [{ key: "k", value: "v", is: "like" }] }, /if\[0\]: is: one of equal/],
        [{ then: [good, { type: "no", key: "k" }] }, /then\[1\]/],
        [{ then: "all" }, /then is a list/],
      ];
      for (const [request, message] of bad) {
        await expect(client.txn(request)).rejects.toThrow(message);
      }
    }));

  test("keyspaces are made, hold keys by themselves, and are dropped", () =>
    withTitan(async ({ client }) => {
      await client.admin.createKeyspace("sessions", { defaultTtlMs: 60_000 });
      await expect(client.admin.createKeyspace("sessions")).rejects.toMatchObject({
        ...{ code: "CLIENT_FAILED_PRECONDITION", reason: "KEYSPACE_EXISTS" },
      });
      expect(await client.admin.listKeyspaces()).toEqual([
        { name: "default", defaultTtlMs: undefined },
        { name: "sessions", defaultTtlMs: 60_000 },
      ]);
      const sessions = client.keyspace("sessions");
      await client.put("k", "outside");
      await sessions.put("k", "inside");
      await sessions.withValues("json").put("j", [1]);
      expect(await client.get("k")).toBe("outside");
      expect((await sessions.getEntry("k"))?.ttlMs).toBeGreaterThan(0);
      expect(await keysOf(sessions)).toEqual(["j", "k"]);
      expect(await keysOf(client)).toEqual(["k"]);
      await client.admin.dropKeyspace("sessions");
      await expect(sessions.get("k")).rejects.toMatchObject({
        ...{ code: "CLIENT_NOT_FOUND", reason: "KEYSPACE_UNKNOWN" },
      });
      expect(() => client.keyspace("")).toThrow("name is missing");
    }));

  test("a read may be stale, within bounds that make sense", () =>
    withTitan(async ({ client }) => {
      await client.put("k", "v");
      expect(await client.get("k", { consistency: "stale", maxStalenessMs: 10_000 })).toBe("v");
      expect((await client.getEntry("k", { consistency: "stale" }))?.value).toBe("v");
      const found: string[] = [];
      for await (const { key } of client.scan({ consistency: "stale" })) found.push(key);
      expect(found).toEqual(["k"]);
      await expect(client.get("k", { maxStalenessMs: 1 })).rejects.toThrow("goes with");
      const loose = { consistency: "loose" } as never;
      await expect(client.get("k", loose)).rejects.toThrow("consistency is");
    }));
});

describe(`${CALLERS} callers at once`, () => {
  test("count without losing one, and none sees the count of another", () =>
    withTitan(
      async ({ client }) => {
        const seen = await callers(async () => {
          const values: number[] = [];
          for (let n = 0; n < 5; n += 1) values.push((await client.increment("n")).value);
          return values;
        });
        const inOrder = seen.flat().sort((a, b) => a - b);
        expect(inOrder).toEqual(Array.from({ length: CALLERS * 5 }, (_, n) => n + 1));
        expect(await client.get("n")).toBe(String(CALLERS * 5));
      },
      { sync: "always" },
    ));

  test("compare and set from one state, and one wins; the others are told who", () =>
    withTitan(
      async ({ client }) => {
        let expected: "absent" | { readonly revision: number } | { readonly value: string } =
          "absent";
        for (let round = 0; round < 6; round += 1) {
          const from = expected;
          const results = await callers((caller) =>
            client.cas("lock", { expected: from, value: `${round}/${caller}` }),
          );
          const winners = results.flatMap(({ applied }, caller) => (applied ? [caller] : []));
          expect(winners).toHaveLength(1);
          const current = await client.getEntry("lock");
          expect(current).toMatchObject({ value: `${round}/${winners[0]}` });
          for (const result of results)
            if (!result.applied) expect(result.current).toEqual(current);
          const { value = "", revision = 0 } = current ?? {};
          expected = round % 2 === 0 ? { revision } : { value };
        }
      },
      { sync: "always" },
    ));
});

describe("a node that goes away", () => {
  test("in an orderly restart costs no write and doubles none", () =>
    withTitan(
      async ({ client, connect, restart }) => {
        const patient = connect({ retry: { maxAttempts: 100, budget: 100_000 } });
        const counts = new Map<string, number>();
        const over = new AbortController();
        let done = 0;
        const writers = callers(async (caller) => {
          const key = `counter/${caller % 4}`;
          while (!over.signal.aborted) {
            await patient.increment(key);
            counts.set(key, (counts.get(key) ?? 0) + 1);
            done += 1;
          }
        });
        for (let round = 0; round < 3; round += 1) {
          const goal = done + 300;
          await expect.poll(() => done, { timeout: 20_000, interval: 5 }).toBeGreaterThan(goal);
          await restart();
        }
        over.abort();
        await writers;
        for (const [key, count] of counts) expect(await client.get(key)).toBe(String(count));
        expect(counts.size).toBe(4);
      },
      { sync: "always" },
    ));

  test("in the middle of a scan does not shorten it", () =>
    withTitan(
      async ({ client, restart }) => {
        const keys = Array.from({ length: 1_000 }, (_, n) => `k${String(n).padStart(4, "0")}`);
        await Promise.all(keys.map((key) => client.put(key, "v".repeat(1_000))));
        const seen: string[] = [];
        for await (const { key } of client.scan({ pageSize: 20 })) {
          if (seen.push(key) === 30 || seen.length === 700) await restart();
        }
        expect(seen).toEqual(keys);
      },
      { shutdownTimeout: 0 },
    ));

  test("without a word gives each call under way an outcome that holds", () =>
    withDirectory(async (directory) => {
      const args = ["--data-dir", directory, "--log-level", "warn"];
      const sums = { applied: 0, "not-applied": 0, unknown: 0 };
      await withSpawnedNode(args, async ({ child, listening, ended }) => {
        const client = new TitanClient({ endpoints: [await listening], timeoutMs: 10_000 });
        const writers = callers(async () => {
          for (;;) {
            const outcome = await outcomeOf(client.increment("n", 1, { timeoutMs: 2_000 }));
            sums[outcome] += 1;
            if (outcome !== "applied") return;
          }
        });
        await expect
          .poll(() => sums.applied, { timeout: 20_000, interval: 5 })
          .toBeGreaterThan(500);
        child.kill("SIGKILL");
        await Promise.all([ended, writers]);
        await client.close();
      });
      expect(sums["not-applied"] + sums.unknown).toBe(CALLERS);
      expect(sums.unknown).toBeGreaterThan(0);
      await withSpawnedNode(args, async ({ listening }) => {
        const client = new TitanClient({ endpoints: [await listening] });
        const stored = Number(await client.get("n"));
        await client.close();
        expect(stored).toBeGreaterThanOrEqual(sums.applied);
        expect(stored).toBeLessThanOrEqual(sums.applied + sums.unknown);
      });
    }));
});
