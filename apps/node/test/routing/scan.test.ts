import fc from "fast-check";
import { expect, test } from "vitest";
import { KvError } from "../../src/kv/kv-error.js";
import type { ScanRequest } from "../../src/kv/scan-request.js";
import type { MergedPage } from "../../src/routing/merged-scan.js";
import { LINEARIZABLE, type Router } from "../../src/routing/router.js";
import { FakeCluster } from "../support/fake-cluster.js";

const LIMITS = { timeoutMs: 5_000 };
const NOTHING = new Uint8Array(0);
const ALL: ScanRequest = {
  ...{ keyspace: 1, prefix: NOTHING, start: NOTHING, end: NOTHING },
  ...{ reverse: false, limit: 0, keysOnly: false, cursor: NOTHING, pageSize: 0 },
};

function fill(cluster: FakeCluster, keys: readonly Uint8Array[]): void {
  for (const key of keys) {
    const shard = cluster.shard(cluster.router(1).shardOf(key));
    const body = { type: "put", keyspace: 1, key, value: key, ttlMs: 0 } as const;
    shard.apply({ body, atMs: 0, writeId: undefined });
  }
}

async function pagesOf(router: Router, request: Partial<ScanRequest>): Promise<MergedPage[]> {
  const pages: MergedPage[] = [];
  for await (const page of router.scan({ ...ALL, ...request }, LINEARIZABLE, LIMITS)) {
    pages.push(page);
  }
  return pages;
}

function keysOf(pages: readonly MergedPage[]): string[] {
  return pages.flatMap(({ entries }) => entries.map(({ key }) => Buffer.from(key).toString("hex")));
}

// Buffers and plain arrays: their methods differ where it is easily overlooked.
const key = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 4, max: 3 }), fc.boolean())
  .map(([bytes, isBuffer]) => (isBuffer ? Buffer.from(bytes) : bytes));
const bound = fc.oneof(fc.constant(NOTHING), key);

test("pages over all shards are what one sorted list would give, in both directions, from any cursor", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(key, { maxLength: 40 }),
      fc.record({
        ...{ prefix: bound, start: bound, end: bound, reverse: fc.boolean() },
        ...{ limit: fc.nat(12), pageSize: fc.nat(5), keysOnly: fc.boolean() },
      }),
      fc.integer({ min: 1, max: 6 }),
      async (keys, request, shards) => {
        const cluster = new FakeCluster({ shards });
        fill(cluster, keys);
        const expected = [...new Set(keys.map((one) => Buffer.from(one).toString("hex")))]
          .map((hex) => Buffer.from(hex, "hex"))
          .filter((one) => {
            if (Buffer.compare(one, request.start) < 0) return false;
            if (request.end.length > 0 && Buffer.compare(one, request.end) >= 0) return false;
            return Buffer.compare(one.subarray(0, request.prefix.length), request.prefix) === 0;
          })
          .sort((a, b) => Buffer.compare(a, b) * (request.reverse ? -1 : 1))
          .map((one) => one.toString("hex"));
        const router = cluster.router(1);
        const pages = await cluster.settled(pagesOf(router, request));
        const limit = request.limit === 0 ? expected.length : request.limit;
        expect(keysOf(pages)).toEqual(expected.slice(0, limit));
        if (request.pageSize > 0) {
          for (const { entries } of pages)
            expect(entries.length).toBeLessThanOrEqual(request.pageSize);
        }
        // The last cursor says whether there is more, and where.
        const last = pages.at(-1)?.cursor ?? NOTHING;
        expect(last.length > 0).toBe(limit < expected.length);
        for (const { cursor, entries } of pages) {
          if (cursor.length === 0) continue;
          const rest = await cluster.settled(pagesOf(router, { ...request, cursor, limit: 0 }));
          const at = expected.indexOf(Buffer.from(entries.at(-1)?.key ?? []).toString("hex"));
          expect(keysOf(rest)).toEqual(expected.slice(at + 1));
        }
        for (const { entries } of pages) {
          for (const entry of entries) expect(entry.value.length === 0).toBe(request.keysOnly);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("a scan asks a peer for shards that are not here, and another one when that fails", async () => {
  const cluster = new FakeCluster({ shards: 4 });
  const keys = Array.from({ length: 200 }, (_, at) =>
    Buffer.from(`k${String(at).padStart(3, "0")}`),
  );
  fill(cluster, keys);
  cluster.shard(2).replicas.delete(1);
  cluster.replica(2, 2).readFailure = new KvError({ code: "NO_LEADER", message: "not now" });
  cluster.shard(2).leader = 2;
  const pages = await cluster.settled(pagesOf(cluster.router(1), { pageSize: 7 }));
  expect(keysOf(pages)).toEqual(keys.map((one) => one.toString("hex")));
  expect(new Set(cluster.calls)).toEqual(new Set(["1>2 scan", "1>3 scan"]));
});

test("few keys of many shards cost few reads, and a slow reader holds no more than two pages of each", async () => {
  const cluster = new FakeCluster({ shards: 4 });
  const keys = Array.from({ length: 2_000 }, (_, at) => Buffer.from(String(at).padStart(4, "0")));
  fill(cluster, keys);
  const pages = cluster.router(1).scan({ ...ALL, pageSize: 20 }, LINEARIZABLE, LIMITS);
  await cluster.settled(pages.next());
  const scans = () => cluster.shards.map(({ shard }) => cluster.replica(shard, 1).scans);
  expect(Math.max(...scans())).toBeLessThanOrEqual(2);
  await pages.return();
});

test("an empty range is one empty page without a cursor", async () => {
  const cluster = new FakeCluster();
  const router = cluster.router(1);
  const empty = [{ entries: [], cursor: NOTHING }];
  expect(await cluster.settled(pagesOf(router, {}))).toEqual(empty);
  const backward = { start: Buffer.from("b"), end: Buffer.from("a") };
  expect(await cluster.settled(pagesOf(router, backward))).toEqual(empty);
});

test("a prefix of bytes 0xff has an end too, and keyspaces do not meet", async () => {
  const cluster = new FakeCluster();
  fill(cluster, [Uint8Array.of(0xfe), Uint8Array.of(0xff), Uint8Array.of(0xff, 0xff)]);
  const router = cluster.router(1);
  const prefix = Uint8Array.of(0xff);
  expect(keysOf(await cluster.settled(pagesOf(router, { prefix })))).toEqual(["ff", "ffff"]);
  expect(keysOf(await cluster.settled(pagesOf(router, { keyspace: 2 })))).toEqual([]);
});

test("a page ends when it has its bytes, and keys alone weigh less", async () => {
  const cluster = new FakeCluster();
  const large = Array.from({ length: 20 }, (_, at) => Buffer.alloc(16 * 1024, 97 + at));
  fill(cluster, large);
  const router = cluster.router(1);
  const sizes = async (request: Partial<ScanRequest>) =>
    (await cluster.settled(pagesOf(router, request))).map(({ entries }) => entries.length);
  // Keys and values of 16 KiB each, in pages of 64 KiB.
  expect(await sizes({})).toEqual(Array.from({ length: 10 }, () => 2));
  expect(await sizes({ keysOnly: true })).toEqual([4, 4, 4, 4, 4]);
});

test("cursors of another range, another direction or no scan at all are refused at the call", async () => {
  const cluster = new FakeCluster();
  fill(cluster, [Buffer.from("a"), Buffer.from("b")]);
  const router = cluster.router(1);
  const [page] = await cluster.settled(pagesOf(router, { limit: 1 }));
  const cursor = page?.cursor ?? NOTHING;
  const bad: Partial<ScanRequest>[] = [
    { cursor, reverse: true },
    { cursor, start: Buffer.from("b") },
    { cursor: Buffer.from("nonsense") },
    { prefix: Buffer.alloc(70_000) },
  ];
  for (const request of bad) {
    expect(() => router.scan({ ...ALL, ...request }, LINEARIZABLE, LIMITS)).toThrow(
      expect.objectContaining({
        code: "FIELD_INVALID",
        metadata: { field: request.prefix === undefined ? "cursor" : "range.prefix" },
      }),
    );
  }
});
