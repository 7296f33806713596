/** The services as nice-grpc carries them, over a real connection on loopback. */
import { createChannel, createClient, createServer, type Server } from "nice-grpc";
import { afterEach, expect, test } from "vitest";
import {
  ClusterServiceDefinition,
  type KvServiceClient,
  KvServiceDefinition,
  type KvServiceImplementation,
  type PutRequest,
  type ScanRequest,
} from "../src/index.js";

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const unserved = (): never => {
  throw new Error("not part of this test");
};

async function serve(parts: Partial<KvServiceImplementation>): Promise<KvServiceClient> {
  const server: Server = createServer();
  const methods = Object.keys(KvServiceDefinition.methods).map((name) => [name, unserved]);
  const implementation = { ...Object.fromEntries(methods), ...parts } as KvServiceImplementation;
  server.add(KvServiceDefinition, implementation);
  const port = await server.listen("127.0.0.1:0");
  const channel = createChannel(`127.0.0.1:${port}`);
  closing.push(
    () => server.shutdown(),
    () => channel.close(),
  );
  return createClient(KvServiceDefinition, channel);
}

test("a request arrives complete, its bytes plain, although the caller left most of it out", async () => {
  let seen: PutRequest | undefined;
  const client = await serve({
    put: async (request) => {
      seen = request;
      return { revision: 2 ** 53 - 1 };
    },
  });
  const response = await client.put({ key: Buffer.from("k"), value: new Uint8Array(70_000) });
  expect(seen).toStrictEqual({
    key: Uint8Array.of(107),
    value: new Uint8Array(70_000),
    keyspace: "",
    ttlMs: 0,
    writeId: undefined,
  });
  expect(response).toStrictEqual({ revision: 2 ** 53 - 1, shard: 0 });
});

test("a stream keeps its messages and their order", async () => {
  const client = await serve({
    async *scan(request: ScanRequest) {
      for (let at = 0; at < request.limit; at += 1) {
        yield { entries: [{ key: Uint8Array.of(at), ttlMs: at === 0 ? 0 : undefined! }] };
      }
    },
  });
  const pages = [];
  for await (const page of client.scan({ limit: 3 })) pages.push(page);
  expect(pages.map((page) => page.entries[0]?.key)).toEqual(
    [0, 1, 2].map((at) => Uint8Array.of(at)),
  );
  expect(pages.map((page) => page.entries[0]?.ttlMs)).toEqual([0, undefined, undefined]);
});

test("a request that cannot be encoded fails at the caller and is not sent", async () => {
  let calls = 0;
  const client = await serve({
    put: async () => {
      calls += 1;
      return {};
    },
  });
  await expect(client.put({ key: Uint8Array.of(1), ttlMs: -1 })).rejects.toThrow();
  await expect(client.put({ key: "text" as never })).rejects.toThrow();
  expect(calls).toBe(0);
});

test("calls that change nothing say so, for whoever retries", () => {
  const methods = { ...KvServiceDefinition.methods, ...ClusterServiceDefinition.methods };
  const harmless = Object.values(methods)
    .filter(({ options }) => "idempotencyLevel" in options)
    .map(({ name }) => name);
  expect(harmless).toEqual([
    ...["Get", "Scan", "Watch"],
    ...["GetStatus", "ListKeyspaces", "GetClusterMap", "Hello"],
  ]);
});
