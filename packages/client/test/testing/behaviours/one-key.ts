/** Calls on one key. */
import { type Behaviour, endOf, refused } from "./behaviour.js";

const NOT_A_COUNTER = refused("CLIENT_FAILED_PRECONDITION", "NOT_A_COUNTER");

export const ONE_KEY: readonly Behaviour[] = [
  {
    title: "a value is there once it is put, with a revision that grows",
    async run({ client, prefix: key }) {
      const before = await client.getEntry(key);
      const first = await client.put(key, "1");
      const entry = await client.getEntry(key);
      const second = await client.put(key, "");
      return {
        before,
        value: entry?.value,
        keys: Object.keys(entry ?? {}).sort(),
        hasItsRevision: entry?.revision === first.revision,
        empty: await client.get(key),
        grows: second.revision > first.revision,
      };
    },
    gives: {
      before: undefined,
      value: "1",
      keys: ["key", "revision", "value"],
      hasItsRevision: true,
      empty: "",
      grows: true,
    },
  },
  {
    title: "a delete says whether there was something",
    async run({ client, prefix: key }) {
      await client.put(key, "1");
      return [await client.delete(key), await client.delete(key), await client.get(key)];
    },
    gives: [true, false, undefined],
  },
  {
    title: "compare and set goes by value, revision, absence and presence, and says what it met",
    async run({ client, prefix: key }) {
      const ends: unknown[] = [];
      const cas = async (request: Parameters<typeof client.cas>[1]) => {
        const result = await client.cas(key, request);
        ends.push(result.applied || result.current?.value);
      };
      await cas({ expected: "present", value: "0" });
      await cas({ expected: "absent", value: "1" });
      await cas({ expected: "absent", value: "2" });
      await cas({ expected: { value: "1" }, value: "3" });
      const { revision = 0 } = (await client.getEntry(key)) ?? {};
      await cas({ expected: { revision: revision - 1 }, value: "4" });
      await cas({ expected: { revision }, remove: true });
      await cas({ expected: { revision: 0 }, value: "5" });
      return [...ends, await client.get(key)];
    },
    gives: [undefined, true, "1", true, "3", true, true, "5"],
  },
  {
    title: "a counter counts from nothing and below zero, and does not leave its range",
    async run({ client, prefix: key }) {
      const up = await client.increment(key);
      const down = await client.increment(key, -3);
      const text = await client.get(key);
      await client.put(key, String(Number.MAX_SAFE_INTEGER));
      const beyond = await endOf(client.increment(key));
      return [up.value, down.value, text, beyond, await client.get(key)];
    },
    gives: [1, -2, "-2", NOT_A_COUNTER, String(Number.MAX_SAFE_INTEGER)],
  },
  ...["01", "1.0", " 1", "", "9007199254740992", "-9007199254740992"].map(
    (text): Behaviour => ({
      title: `${JSON.stringify(text)} is not a counter`,
      async run({ client, prefix: key }) {
        await client.put(key, text);
        return [await endOf(client.increment(key)), await client.get(key)];
      },
      gives: [NOT_A_COUNTER, text],
    }),
  ),
  {
    title: "a time to live is told, goes with the next put, and stays with a counter",
    async run({ client, prefix: key }) {
      const ttlOf = async () => {
        const ttlMs = (await client.getEntry(key))?.ttlMs;
        return ttlMs === undefined ? "none" : Math.ceil(ttlMs / 100_000);
      };
      await client.put(key, "1", { ttlMs: 100_000 });
      const ends = [await ttlOf()];
      await client.increment(key);
      ends.push(await ttlOf());
      await client.increment(key, 1, { ttlMs: 200_000 });
      ends.push(await ttlOf());
      await client.cas(key, { expected: "present", value: "2" });
      ends.push(await ttlOf());
      await client.cas(key, { expected: "present", value: "2", ttlMs: 300_000 });
      ends.push(await ttlOf());
      await client.put(key, "3");
      return [...ends, await ttlOf()];
    },
    gives: [1, 1, 2, "none", 3, "none"],
  },
  {
    title: "many keys are read in their order, and written, whatever their shards",
    async run({ client, prefix }) {
      const keys = Array.from({ length: 20 }, (_, at) => `${prefix}${at}`);
      await client.putMany(keys.slice(1).map((key, at) => ({ key, value: String(at) })));
      return client.getMany(keys);
    },
    gives: [undefined, ...Array.from({ length: 19 }, (_, at) => String(at))],
  },
  {
    title: "a stale read of a single node is as fresh as any",
    async run({ client, prefix: key }) {
      await client.put(key, "1");
      return client.get(key, { consistency: "stale", maxStalenessMs: 60_000 });
    },
    gives: "1",
  },
];
