/**
 * Whatever was acknowledged, a scan that begins then shows: in order, whole, and with its end told. Bursts
 * of writes and scans at once, many times, with pages of all sizes and consumers of all speeds.
 */
import { SeededRandom, seedFrom } from "@titan/bitcask/testing";
import { expect, test } from "vitest";
import { LINEARIZABLE } from "../src/routing/router.js";
import { SMALL_LIMITS } from "./support/kv-limits.js";
import { RoutedShard } from "./support/routed-shard.js";
import { withTitan } from "./support/titan-client.js";

const seed = seedFrom(process.env, Date.now() % 2 ** 31);
const rounds = Number(process.env["TITAN_RUNS"] ?? 12);
const NOTHING = new Uint8Array(0);

/** What a burst writes, and which of it a scan is to show. */
function newBurst(random: SeededRandom, round: number, maxKeys: number) {
  const count = 1 + random.nextInt(maxKeys);
  const keys = Array.from({ length: count }, (_, n) => `r${round}/${String(n).padStart(5, "0")}`);
  const reverse = random.nextInt(2) === 1;
  const limit = random.nextInt(3) === 0 ? 1 + random.nextInt(2 * count) : undefined;
  const shown = (reverse ? [...keys].reverse() : keys).slice(0, limit);
  return { keys, prefix: `r${round}/`, reverse, limit, shown };
}

test("under the service: the pages of a scan hold all that was acknowledged, and the last says so", async () => {
  process.stdout.write(`TITAN_SEED=${seed}\n`);
  const random = new SeededRandom(seed);
  for (let round = 0; round < rounds / 4; round += 1) {
    const { keys, prefix, reverse, limit, shown } = newBurst(random, round, 600);
    const scanPageBytes = 200 + random.nextInt(4_000);
    const limits = { ...SMALL_LIMITS, scanPageBytes, scanPageKeys: 1 + random.nextInt(200) };
    const store = await RoutedShard.open(limits);
    await store.settled(Promise.all(keys.map((key) => store.put(key, key))));
    const range = { prefix: Buffer.from(prefix), start: NOTHING, end: NOTHING, cursor: NOTHING };
    const how = { reverse, limit: limit ?? 0, keysOnly: false, pageSize: 0 };
    const request = { keyspace: 1, ...range, ...how };
    const pages = store.router.scan(request, LINEARIZABLE, { timeoutMs: 5_000 });
    const seen: string[] = [];
    let cursor: Uint8Array | undefined;
    for (;;) {
      const { value: page } = await store.settled(pages.next());
      if (page === undefined) break;
      for (const { key, value } of page.entries) {
        expect(Buffer.compare(key, value)).toBe(0);
        seen.push(Buffer.from(key).toString());
      }
      cursor = page.cursor;
      if (random.nextInt(4) === 0)
        await store.settled(store.put(`zz/${random.nextInt(1_000)}`, ""));
    }
    expect({ round, seen }).toEqual({ round, seen: shown });
    if (shown.length !== limit) expect(cursor).toEqual(NOTHING);
    await store.close();
  }
});

test("what nobody touches is in every scan once, whatever is written around it meanwhile", async () => {
  process.stdout.write(`TITAN_SEED=${seed}\n`);
  const random = new SeededRandom(seed);
  const keyOf = (n: number) => `k${String(n).padStart(4, "0")}`;
  const isStill = (n: number) => n % 3 === 0;
  const count = 300;
  for (let round = 0; round < rounds / 4; round += 1) {
    const store = await RoutedShard.open({ ...SMALL_LIMITS, scanPageKeys: 1 + random.nextInt(50) });
    const put = (n: number, value: string) => store.put(keyOf(n), value);
    const all = Array.from({ length: count }, (_, n) => n);
    await store.settled(Promise.all(all.map((n) => put(n, `round ${round}`))));
    const churn = async () => {
      const n = random.nextInt(count);
      if (isStill(n)) return;
      await (random.nextInt(2) === 0 ? put(n, "new") : store.delete(keyOf(n)));
    };
    const reverse = random.nextInt(2) === 1;
    const range = { prefix: NOTHING, start: NOTHING, end: NOTHING, cursor: NOTHING };
    const request = { keyspace: 1, ...range, reverse, limit: 0, keysOnly: false, pageSize: 0 };
    const pages = store.router.scan(request, LINEARIZABLE, { timeoutMs: 5_000 });
    const seen: number[] = [];
    for (;;) {
      const { value: page } = await store.settled(pages.next());
      if (page === undefined) break;
      for (const { key, value } of page.entries) {
        const n = Number(Buffer.from(key).toString().slice(1));
        if (isStill(n)) expect(Buffer.from(value).toString()).toBe(`round ${round}`);
        seen.push(n);
      }
      // Some are answered before the next page is asked for, some are under way then.
      const writes = Promise.all(Array.from({ length: random.nextInt(30) }, churn));
      if (random.nextInt(2) === 0) await store.settled(writes);
    }
    const inOrder = [...new Set(seen)].sort((a, b) => (reverse ? b - a : a - b));
    expect({ round, seen }).toEqual({ round, seen: inOrder });
    expect(seen.filter(isStill).sort((a, b) => a - b)).toEqual(all.filter(isStill));
    await store.close();
  }
});

test("over gRPC: a scan right behind Promise.all shows every put of it", async () => {
  process.stdout.write(`TITAN_SEED=${seed}\n`);
  const random = new SeededRandom(seed);
  await withTitan(
    async ({ client }) => {
      for (let round = 0; round < rounds / 2; round += 1) {
        // Every fourth round: more than the sockets take, read with pauses, so that the server waits.
        const isSlow = round % 4 === 0;
        const { keys, prefix, reverse, limit, shown } = newBurst(random, round, isSlow ? 400 : 800);
        const padding = "v".repeat(isSlow ? 4_000 : random.nextInt(50));
        await Promise.all(keys.map((key) => client.put(key, key + padding)));
        const pageSize = random.nextInt(2) === 0 ? undefined : 1 + random.nextInt(300);
        const seen: string[] = [];
        for await (const { key, value } of client.scan({ prefix, reverse, limit, pageSize })) {
          if (value !== key + padding) throw new Error(`round ${round}: a wrong value of ${key}`);
          seen.push(key);
          const pauseMs = isSlow && seen.length % 40 === 1 ? random.nextInt(25) : 0;
          if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
        expect({ round, seen }).toEqual({ round, seen: shown });
      }
    },
    { sync: "always", scanPageBytes: "16KiB" },
  );
});
