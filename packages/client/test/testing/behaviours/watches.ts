/** Watches, and locks, which rest on them. */
import type { Watch, WatchEvent } from "../../../src/index.js";
import { type Behaviour, endOf, readRefused } from "./behaviour.js";

type Events = Watch<WatchEvent<string>>;

/** The next event that is one of a key, as text: its type, what is behind the prefix of its key, its value. */
async function nextOf(watch: Events, prefix: string): Promise<string> {
  for (;;) {
    const { value: event } = await watch.next();
    if (event === undefined) return "end";
    if (event.type === "progress") continue;
    const value = event.type === "put" ? `=${event.value}` : "";
    return `${event.type} ${event.key.slice(prefix.length)}${value}`;
  }
}

async function take(watch: Events, count: number, prefix: string): Promise<string[]> {
  const events: string[] = [];
  while (events.length < count) events.push(await nextOf(watch, prefix));
  return events;
}

/** Resolves when the watch has begun. */
async function begun(watch: Events): Promise<void> {
  for (;;) {
    const { value: event } = await watch.next();
    if (event === undefined || event.type === "progress") return;
  }
}

export const WATCHES: readonly Behaviour[] = [
  {
    title:
      "a watch begins with progress, then tells each change of its range once, in the shard's order",
    async run({ client, prefix }) {
      const x = `{${prefix}}`;
      await client.put(`${x}a`, "before");
      await using watch = client.watch({ prefix: x });
      await begun(watch);
      await client.put(`${x}a`, "1");
      await client.put(`${prefix}outside`, "1");
      await client.delete(`${x}a`);
      await client.delete(`${x}never`);
      await client.cas(`${x}b`, { expected: "absent", value: "2" });
      await client.cas(`${x}b`, { expected: "absent", value: "3" });
      await client.increment(`${x}n`);
      await client.cas(`${x}b`, { expected: "present", remove: true });
      return await take(watch, 5, x);
    },
    gives: ["put a=1", "delete a", "put b=2", "put n=1", "delete b"],
  },
  {
    title: "a batch is told step by step, a transaction by what it leaves, both with one revision",
    async run({ client, prefix }) {
      const x = `{${prefix}}`;
      await using watch = client.watch({ prefix: x });
      await begun(watch);
      const put = (name: string, value: string) =>
        ({ type: "put", key: `${x}${name}`, value }) as const;
      const remove = (name: string) => ({ type: "delete", key: `${x}${name}` }) as const;
      await client.batch([put("a", "1"), put("a", "2"), remove("a"), remove("none")]);
      await client.txn({
        then: [put("b", "1"), put("c", "1"), put("b", "2"), put("d", "1"), remove("d")],
      });
      const revisions = new Set<number>();
      const told: string[] = [];
      while (told.length < 5) {
        const { value: event } = await watch.next();
        if (event === undefined || event.type === "progress") continue;
        revisions.add(event.revision);
        told.push(`${event.type} ${event.key.slice(x.length)}`);
      }
      return [told, revisions.size];
    },
    gives: [["put a", "put a", "delete a", "put b", "put c"], 2],
  },
  {
    title: "a watch of a key tells of that key only, with the revision that its write had",
    async run({ client, prefix: key }) {
      await using watch = client.watch({ key, keysOnly: true });
      await watch.next();
      await client.put(`${key}0`, "1");
      const { revision } = await client.put(key, "1", { ttlMs: 60_000 });
      for (;;) {
        const { value: event } = await watch.next();
        if (event?.type !== "put") continue;
        const { ttlMs = 0 } = event;
        return [event.key === key, event.revision === revision, ttlMs > 50_000, "value" in event];
      }
    },
    gives: [true, true, true, false],
  },
  {
    title: "a watch goes on from an earlier one's position, and tells what it missed, once",
    async run({ client, prefix }) {
      const x = `{${prefix}}`;
      const first = client.watch({ prefix: x });
      await begun(first);
      await client.put(`${x}a`, "1");
      const told = await take(first, 1, x);
      // Asking for the next one takes it.
      const next = nextOf(first, x);
      await client.put(`${x}b`, "2");
      told.push(await next);
      const { position } = first;
      await first.return?.();
      await client.delete(`${x}a`);
      await client.put(`${x}c`, "3");
      const kept = JSON.parse(JSON.stringify(position)) as typeof position;
      await using second = client.watch({ prefix: x, from: kept });
      return [told, position.length, await take(second, 3, x)];
    },
    gives: [["put a=1", "put b=2"], 16, ["put b=2", "delete a", "put c=3"]],
  },
  {
    title: "a watch of a keyspace tells of that one only",
    async run({ client, prefix }) {
      const names = [`${prefix}a`, `${prefix}b`] as const;
      for (const name of names) await client.admin.createKeyspace(name);
      const [a, b] = names.map((name) => client.keyspace(name));
      if (a === undefined || b === undefined) throw new Error("two keyspaces");
      await using watch = a.watch({ key: "k" });
      await begun(watch);
      await client.put("k", "outside");
      await b.put("k", "other");
      await a.put("k", "inside");
      const told = await take(watch, 1, "");
      await client.delete("k");
      return [told, await a.get("k"), await b.get("k")];
    },
    gives: [["put k=inside"], "inside", "other"],
  },
  {
    title: "a watch tells its position again and again while nothing happens",
    async run({ client, prefix }) {
      await using watch = client.watch({ prefix, progressIntervalMs: 100 });
      const types: unknown[] = [];
      for (let count = 0; count < 3; count += 1) types.push((await watch.next()).value?.type);
      return types;
    },
    gives: ["progress", "progress", "progress"],
  },
  {
    title: "what has expired is told as such, and is gone for every call",
    async run({ client, prefix, passTime }) {
      const x = `{${prefix}}`;
      await using watch = client.watch({ prefix: x });
      await begun(watch);
      await client.put(`${x}a`, "1", { ttlMs: 60 });
      const told = await take(watch, 1, x);
      const next = nextOf(watch, x);
      await passTime(60);
      told.push(await next);
      return [
        told,
        await client.get(`${x}a`),
        await client.delete(`${x}a`),
        (await client.cas(`${x}a`, { expected: "absent", value: "2" })).applied,
        (await client.getEntry(`${x}a`))?.ttlMs,
      ];
    },
    gives: [["put a=1", "expire a"], undefined, false, true, undefined],
  },
  {
    title: "a watch of what is not there is refused",
    async run({ client }) {
      const from = [{ shard: 16, revision: 1 }];
      return [
        await endOf(client.keyspace("never-made").watch().next()),
        await endOf(client.watch({ from }).next()),
      ];
    },
    gives: [
      readRefused("CLIENT_NOT_FOUND", "KEYSPACE_UNKNOWN", { keyspace: "never-made" }),
      readRefused("CLIENT_INVALID_ARGUMENT", "FIELD_INVALID", { field: "from" }),
    ],
  },
  {
    title:
      "a lock has one holder at a time, whose token grows, and goes to who waits when it is released",
    async run({ client, prefix: key }) {
      const first = await client.lock(key);
      const refused = await client.tryLock(key);
      const waiting = client.lock(key);
      await first.release();
      const second = await waiting;
      const grows = second.token > first.token;
      await second.release();
      const third = await client.tryLock(key);
      await third?.release();
      return [refused, first.signal.aborted, grows, third !== undefined, await client.get(key)];
    },
    gives: [undefined, true, true, true, undefined],
  },
];
