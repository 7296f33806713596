/** Calls on several keys at one moment. */
import { type Behaviour, endOf, gather, refused } from "./behaviour.js";

/** Keys, and the shards of sixteen that they are on in every cluster. */
const APART = ["a", "b", "c", "d"];
const APART_SHARDS = { shards: "5, 7, 10, 13" };

export const TOGETHER: readonly Behaviour[] = [
  {
    title: "a batch happens in order and has one revision on its shard",
    async run({ client, prefix }) {
      const [x, y] = [`{${prefix}}x`, `{${prefix}}y`];
      await client.put(y, "0");
      const { revisions } = await client.batch([
        { type: "put", key: x, value: "1" },
        { type: "put", key: x, value: "2" },
        { type: "delete", key: y },
        { type: "delete", key: `{${prefix}}z` },
      ]);
      const entry = await client.getEntry(x);
      const isIts = entry?.revision === revisions[0]?.revision;
      return [revisions.length, entry?.value, isIts, await client.get(y)];
    },
    gives: [1, "2", true, undefined],
  },
  {
    title: "keys of several shards are no batch and no transaction",
    async run({ client }) {
      const puts = APART.map((key) => ({ type: "put", key, value: "1" }) as const);
      const batch = await endOf(client.batch(puts));
      const txn = await endOf(client.txn({ then: puts }));
      return [batch, txn, await client.getMany(APART)];
    },
    gives: [
      refused("CLIENT_FAILED_PRECONDITION", "CROSS_SHARD", APART_SHARDS),
      refused("CLIENT_FAILED_PRECONDITION", "CROSS_SHARD", APART_SHARDS),
      [undefined, undefined, undefined, undefined],
    ],
  },
  {
    title: "a batch that need not be atomic is done on each shard, and says where",
    async run({ client, prefix }) {
      const keys = APART.map((key) => `{${key}}${prefix}`);
      const puts = keys.map((key) => ({ type: "put", key, value: "1" }) as const);
      const { revisions } = await client.batch(puts, { allowNonAtomic: true });
      return [revisions.map(({ shard }) => shard).join(", "), await client.getMany(keys)];
    },
    gives: [APART_SHARDS.shards, ["1", "1", "1", "1"]],
  },
  {
    title: "a transaction does one list or the other, and its gets see what it has done so far",
    async run({ client, prefix }) {
      const [x, y] = [`{${prefix}}x`, `{${prefix}}y`];
      const claim = {
        if: [{ key: x, exists: false }],
        then: [
          { type: "get", key: x },
          { type: "put", key: x, value: "1" },
          { type: "get", key: x },
          { type: "delete", key: x },
          { type: "delete", key: x },
          { type: "put", key: y, value: "2", ttlMs: 60_000 },
        ],
        otherwise: [{ type: "put", key: x, value: "0" }],
      } as const;
      const first = await client.txn(claim);
      const answers = first.answers.map((answer) => {
        if (answer.type !== "get" || answer.entry === undefined) return answer;
        const { value, revision } = answer.entry;
        return { value, isOwn: revision === first.revision };
      });
      await client.put(x, "3");
      const second = await client.txn(claim);
      return [first.succeeded, answers, second.succeeded, second.answers, await client.get(x)];
    },
    gives: [
      true,
      [
        { type: "get", entry: undefined },
        { type: "put" },
        { value: "1", isOwn: true },
        { type: "delete", existed: true },
        { type: "delete", existed: false },
        { type: "put" },
      ],
      false,
      [{ type: "put" }],
      "0",
    ],
  },
  {
    title: "conditions compare values by their bytes, revisions, and whether there is something",
    async run({ client, prefix }) {
      const [x, none] = [`{${prefix}}x`, `{${prefix}}none`];
      const { revision } = await client.put(x, "b");
      const holds = async (condition: object) =>
        (await client.txn({ if: [condition as { key: string; exists: boolean }] })).succeeded;
      const ends: boolean[] = [];
      for (const is of ["equal", "not-equal", "less", "greater"] as const) {
        for (const value of ["a", "b", "ba"]) ends.push(await holds({ key: x, is, value }));
        for (const at of [revision - 1, revision]) {
          ends.push(await holds({ key: x, is, revision: at }));
        }
        ends.push(await holds({ key: none, is, value: "a" }));
        ends.push(await holds({ key: none, is, revision: 0 }));
      }
      ends.push(await holds({ key: x, exists: true }), await holds({ key: none, exists: true }));
      return ends.map(Number).join("");
    },
    gives: ["0100101", "1011010", "0010000", "1001000", "10"].join(""),
  },
  {
    title: "an empty transaction is done",
    run: async ({ client }) => {
      const { succeeded, answers } = await client.txn({});
      return { succeeded, answers };
    },
    gives: { succeeded: true, answers: [] },
  },
  {
    title: "what a transaction may read is bounded; beyond that it does nothing",
    async run({ client, prefix }) {
      const keys = Array.from({ length: 5 }, (_, at) => `{${prefix}}${at}`);
      for (const key of keys) await client.put(key, "v".repeat(1_000_000));
      const gets = keys.map((key) => ({ type: "get", key }) as const);
      const put = { type: "put", key: `{${prefix}}new`, value: "1" } as const;
      const end = await endOf(client.txn({ then: [put, ...gets] }));
      const found = await gather(client.scan({ prefix: `{${prefix}}`, keysOnly: true }));
      return [end, found.length];
    },
    gives: [refused("CLIENT_RESOURCE_EXHAUSTED", "RESPONSE_TOO_LARGE", { limit: "4194304" }), 5],
  },
];
