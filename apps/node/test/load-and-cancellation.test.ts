import { createChannel, createClient, waitForChannelReady } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { expect, test } from "vitest";
import { failureOf } from "./support/rich-error.js";
import { bytes, type TestClient, withNode } from "./support/test-node.js";

const VALUE = Buffer.alloc(1000, "v");

/** In batches, so that all keys have to be of one shard. */
async function fill(kv: TestClient["kv"], count: number): Promise<void> {
  for (let from = 0; from < count; from += 1000) {
    const operations = Array.from({ length: Math.min(1000, count - from) }, (_, i) => ({
      operation: {
        $case: "put" as const,
        value: { key: bytes(`k${String(from + i).padStart(8, "0")}`), value: VALUE },
      },
    }));
    await kv.batch({ operations, allowNonAtomic: true });
  }
}

const inFlight = async (client: TestClient) =>
  (await client.cluster.getStatus({})).requestsInFlight;

test("requests beyond the bound are refused with a retry hint, and nothing was done", () =>
  withNode(
    async (client) => {
      const puts = Array.from({ length: 200 }, (_, i) =>
        client.kv.put({ key: bytes(`k${i}`), value: VALUE }),
      );
      const results = await Promise.allSettled(puts);
      const refused = results.findIndex(({ status }) => status === "rejected");
      expect(results.some(({ status }) => status === "fulfilled")).toBe(true);
      expect(refused).toBeGreaterThanOrEqual(0);
      expect(await failureOf(puts[refused] ?? Promise.resolve())).toMatchObject({
        ...{ status: "RESOURCE_EXHAUSTED", reason: "OVERLOADED", retryMs: 50 },
        metadata: { outcome: "not-applied" },
      });
      for (const [i, { status }] of results.entries()) {
        const { found } = await client.kv.get({ key: bytes(`k${i}`) });
        expect(found, `k${i}`).toBe(status === "fulfilled");
      }
      expect(await inFlight(client)).toBe(0);
    },
    { maxConcurrentRequests: 2, sync: "always" },
  ));

test("bytes under way are bounded, but one request alone always goes in", () =>
  withNode(
    async (client) => {
      await client.kv.put({ key: bytes("alone"), value: VALUE });
      const puts = Array.from({ length: 200 }, (_, i) =>
        client.kv.put({ key: bytes(`k${i}`), value: VALUE }),
      );
      const results = await Promise.allSettled(puts);
      const refused = results.findIndex(({ status }) => status === "rejected");
      expect(await failureOf(puts[refused] ?? Promise.resolve())).toMatchObject({
        reason: "OVERLOADED",
      });
    },
    { maxRequestBytes: 100, sync: "always" },
  ));

test("calls beyond the streams of one connection wait in the client and succeed", () =>
  withNode(
    async ({ kv }) => {
      const puts = Array.from({ length: 200 }, (_, i) => kv.put({ key: bytes(`k${i}`) }));
      await Promise.all(puts);
    },
    { maxStreamsPerConnection: 10 },
  ));

test("scans are bounded, and a client that leaves one frees its place", () =>
  withNode(
    async (client) => {
      await fill(client.kv, 5000);
      const abort = new AbortController();
      const open = client.kv.scan({}, { signal: abort.signal })[Symbol.asyncIterator]();
      await open.next();
      expect(await inFlight(client)).toBe(1);
      const second = client.kv.scan({})[Symbol.asyncIterator]();
      expect(await failureOf(second.next())).toMatchObject({ reason: "OVERLOADED", retryMs: 50 });
      abort.abort();
      await expect.poll(() => inFlight(client)).toBe(0);
      let keys = 0;
      for await (const page of client.kv.scan({})) keys += page.entries.length;
      expect(keys).toBe(5000);
    },
    { maxConcurrentScans: 1, scanPageBytes: "16KiB", shards: 1 },
  ));

test("a client that does not read holds the scan back instead of filling the server", () =>
  withNode(
    async (client) => {
      await fill(client.kv, 5000);
      const scan = client.kv.scan({})[Symbol.asyncIterator]();
      await scan.next();
      // A page takes one turn of the node's event loop, a call several. Were the pages put into memory as
      // fast as they can be read, the scan would be over long before the last of these.
      for (let call = 0; call < 500; call += 1) expect(await inFlight(client)).toBe(1);
      await scan.return?.();
      await expect.poll(() => inFlight(client)).toBe(0);
    },
    { scanPageBytes: "16KiB", shards: 1 },
  ));

test("a client that vanishes in the middle of calls leaves nothing behind", () =>
  withNode(
    async (client) => {
      const other = createChannel(client.node.address, undefined, {
        "grpc.use_local_subchannel_pool": 1,
      });
      await waitForChannelReady(other, new Date(Date.now() + 20_000));
      const { KvServiceDefinition } = await import("@titan/proto");
      const kv = createClient(KvServiceDefinition, other);
      const puts = Array.from({ length: 100 }, (_, i) =>
        kv.put({ key: bytes(`k${i}`), value: VALUE }).catch(() => undefined),
      );
      await new Promise((resolve) => setImmediate(resolve));
      other.close();
      await Promise.all(puts);
      await expect.poll(() => inFlight(client)).toBe(0);
      await client.kv.put({ key: bytes("k") });
    },
    { sync: "always" },
  ));

test("health is told for the node and each service, watched, and ends with the node", () =>
  withNode(async (client) => {
    const health = createClient(HealthDefinition, client.channel);
    for (const service of ["", "titan.v1.KvService", "titan.v1.ClusterService"]) {
      expect(await health.check({ service })).toEqual({ status: 1 });
    }
    await expect(health.check({ service: "nobody" })).rejects.toMatchObject({ code: 5 });
    const frames: number[] = [];
    const watching = (async () => {
      for await (const { status } of health.watch({ service: "" })) frames.push(status);
    })();
    await expect.poll(() => frames).toEqual([1]);
    await client.node.close();
    await watching.catch(() => undefined);
    expect(frames).toEqual([1, 2]);
  }));
