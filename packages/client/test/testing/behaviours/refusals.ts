/** Requests that are not done: limits, keyspaces, orders to a cluster that is none. */
import { type Behaviour, endOf, readRefused, refused } from "./behaviour.js";

const INVALID = "CLIENT_INVALID_ARGUMENT";
const CENTURY_MS = 100 * 365 * 24 * 3_600_000;

const LIMITS: readonly Behaviour[] = [
  {
    title: "a value has at most a mebibyte",
    async run({ client, prefix: key }) {
      await client.put(key, "v".repeat(1_048_576));
      const put = await endOf(client.put(key, "v".repeat(1_048_577)));
      const update = { expected: "absent", value: "v".repeat(1_048_577) } as const;
      return [put, await endOf(client.cas(key, update)), (await client.get(key))?.length];
    },
    gives: [
      refused(INVALID, "VALUE_TOO_LARGE", { limit: "1048576", actual: "1048577" }),
      refused(INVALID, "VALUE_TOO_LARGE", { limit: "1048576", actual: "1048577" }),
      1_048_576,
    ],
  },
  {
    title: "what is far too large is not even read",
    run: ({ client, prefix: key }) => endOf(client.put(key, "v".repeat(5_000_000))),
    gives: refused(INVALID, "REQUEST_TOO_LARGE", { limit: "4579840" }),
  },
  {
    title: "a batch has at most two mebibytes of keys and values",
    run: ({ client }) => {
      const values = ["v".repeat(1_048_576), "v".repeat(1_048_575), "v"];
      return endOf(client.batch(values.map((value) => ({ type: "put", key: "k", value }))));
    },
    gives: refused(INVALID, "BATCH_TOO_LARGE", {
      ...{ limit: "2097152", actual: "2097153", unit: "bytes" },
    }),
  },
  {
    title: "a batch or transaction has at most ten thousand parts",
    async run({ client }) {
      const deletes = Array.from({ length: 10_000 }, () => ({ type: "delete", key: "k" }) as const);
      const batch = await endOf(client.batch([...deletes, { type: "delete", key: "k" }]));
      return [batch, await endOf(client.txn({ if: [{ key: "k", exists: true }], then: deletes }))];
    },
    gives: [
      refused(INVALID, "BATCH_TOO_LARGE", {
        ...{ limit: "10000", actual: "10001", unit: "operations" },
      }),
      refused(INVALID, "BATCH_TOO_LARGE", {
        ...{ limit: "10000", actual: "10001", unit: "operations" },
      }),
    ],
  },
  {
    title: "nothing lives for more than a hundred years, unless it lives for ever",
    async run({ client, prefix: key }) {
      const ttlMs = CENTURY_MS + 1;
      await client.put(key, "1", { ttlMs: CENTURY_MS });
      return [
        await endOf(client.put(key, "2", { ttlMs })),
        await endOf(client.increment(key, 1, { ttlMs })),
        await endOf(client.cas(key, { expected: "present", value: "2", ttlMs })),
        await endOf(client.batch([{ type: "put", key, value: "2", ttlMs }])),
        await endOf(client.txn({ otherwise: [{ type: "put", key, value: "2", ttlMs }] })),
        await client.get(key),
      ];
    },
    gives: [
      ...Array.from({ length: 5 }, () => refused(INVALID, "FIELD_INVALID", { field: "ttl_ms" })),
      "1",
    ],
  },
];

const KEYSPACES: readonly Behaviour[] = [
  {
    title: "a keyspace holds keys by itself, with a time to live of its own, until it is dropped",
    async run({ client, prefix }) {
      const keyspace = client.keyspace(prefix);
      const early = await endOf(keyspace.put("k", "1"));
      await client.admin.createKeyspace(prefix, { defaultTtlMs: 60_000 });
      await keyspace.put("k", "1");
      await keyspace.put("long", "1", { ttlMs: 100_000_000 });
      await keyspace.increment("counter");
      const has = async (key: string) => {
        const ttlMs = (await keyspace.getEntry(key))?.ttlMs;
        return ttlMs === undefined ? "for ever" : ttlMs <= 60_000 ? "its own" : "longer";
      };
      const ends = [await has("k"), await has("long"), await has("counter")];
      const listed = await client.admin.listKeyspaces();
      const outside = await client.get("k");
      await client.admin.dropKeyspace(prefix);
      const late = await endOf(keyspace.get("k"));
      await client.admin.createKeyspace(prefix);
      const anew = await keyspace.get("k");
      const isListed = listed.filter(({ name }) => name === prefix);
      const codes = [early, late].map((end) => (end as { readonly reason: string }).reason);
      return [codes, ends, isListed.map(({ defaultTtlMs }) => defaultTtlMs), outside, anew];
    },
    gives: [
      ["KEYSPACE_UNKNOWN", "KEYSPACE_UNKNOWN"],
      ["its own", "longer", "for ever"],
      [60_000],
      undefined,
      undefined,
    ],
  },
  {
    title: "keyspaces have proper names, which only one of them has, and the default one stays",
    async run({ client }) {
      const { admin } = client;
      await admin.createKeyspace("twice");
      return [
        await endOf(admin.createKeyspace("twice")),
        await endOf(admin.createKeyspace("Bad name")),
        await endOf(admin.createKeyspace("default")),
        await endOf(admin.dropKeyspace("default")),
        await endOf(admin.dropKeyspace("never-made")),
        await endOf(client.keyspace("never-made").get("k")),
        await endOf(client.keyspace("never-made").increment("k")),
      ];
    },
    gives: [
      refused("CLIENT_FAILED_PRECONDITION", "KEYSPACE_EXISTS", { keyspace: "twice" }),
      refused(INVALID, "FIELD_INVALID", { field: "keyspace.name" }),
      refused("CLIENT_FAILED_PRECONDITION", "KEYSPACE_EXISTS", { keyspace: "default" }),
      refused(INVALID, "FIELD_INVALID", { field: "name" }),
      refused("CLIENT_NOT_FOUND", "KEYSPACE_UNKNOWN", { keyspace: "never-made" }),
      readRefused("CLIENT_NOT_FOUND", "KEYSPACE_UNKNOWN", { keyspace: "never-made" }),
      refused("CLIENT_NOT_FOUND", "KEYSPACE_UNKNOWN", { keyspace: "never-made" }),
    ],
  },
];

const CLUSTER: readonly Behaviour[] = [
  {
    title: "a single node stays, leads everything, and takes orders as far as they make sense",
    async run({ client }) {
      const { admin } = client;
      const { nodeId } = await client.status();
      await admin.stay(nodeId);
      await admin.transferLeader(3, nodeId);
      await admin.pauseBalancer();
      const paused = (await client.status()).cluster?.balancer.paused;
      await admin.resumeBalancer();
      const { cluster } = await client.status();
      return [
        await endOf(admin.leave(nodeId)),
        await endOf(admin.leave("somebody")),
        await endOf(admin.transferLeader(0, "somebody")),
        await endOf(admin.transferLeader(16, nodeId)),
        [paused, cluster?.balancer.paused, cluster?.nodes.map(({ leads }) => leads)],
        cluster?.shards.every(({ leader }) => leader === nodeId),
      ];
    },
    gives: [
      refused("CLIENT_FAILED_PRECONDITION", "CLUSTER_STATE"),
      refused("CLIENT_NOT_FOUND", "NODE_UNKNOWN", { node_id: "somebody" }),
      refused("CLIENT_NOT_FOUND", "NODE_UNKNOWN", { node_id: "somebody" }),
      refused(INVALID, "FIELD_INVALID", { field: "shard" }),
      [true, false, [16]],
      true,
    ],
  },
  {
    title: "a node says what its limits are",
    run: async ({ client }) => (await client.status()).limits,
    gives: {
      keyBytes: 65_535,
      valueBytes: 1_048_576,
      batchBytes: 2_097_152,
      batchOperations: 10_000,
      concurrentRequests: 4_096,
    },
  },
];

export const REFUSALS: readonly Behaviour[] = [...LIMITS, ...KEYSPACES, ...CLUSTER];
