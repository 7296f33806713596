/** Scans. */
import type { ScanOptions } from "../../../src/index.js";
import { type Behaviour, endOf, gather, type Rig, readRefused } from "./behaviour.js";

/** In byte order, which is not that of JavaScript's strings. */
const NAMES = ["a", "a/1", "a/2", "aa", "b", "é", "\uffee", "🗝"];

/** Keys of a scan, without the case's prefix. */
async function namesOf({ client, prefix }: Rig, options: ScanOptions): Promise<string> {
  const found = await gather(client.scan({ ...options, keysOnly: true }));
  return found.map(({ key }) => key.slice(prefix.length)).join(" ");
}

async function putNames({ client, prefix }: Rig): Promise<void> {
  await client.putMany(NAMES.toReversed().map((name) => ({ key: prefix + name, value: name })));
}

export const RANGES: readonly Behaviour[] = [
  {
    title: "a scan gives keys in byte order, whatever their shards, with what they hold",
    async run(rig) {
      await putNames(rig);
      const found = await gather(rig.client.scan({ prefix: rig.prefix }));
      const isWhole = found.every(({ key, value }) => key === rig.prefix + value);
      return [found.map(({ value }) => value), isWhole];
    },
    gives: [NAMES, true],
  },
  {
    title: "bounds, prefix, direction and limit say which",
    async run(rig) {
      await putNames(rig);
      const { prefix } = rig;
      const [a, b] = [`${prefix}a`, `${prefix}b`];
      return [
        await namesOf(rig, { prefix: a }),
        await namesOf(rig, { prefix: `${prefix}a/` }),
        await namesOf(rig, { start: `${prefix}a/2`, end: `${prefix}é` }),
        await namesOf(rig, { prefix: a, start: `${prefix}a/1`, end: `${prefix}aa` }),
        await namesOf(rig, { prefix, reverse: true, limit: 3 }),
        await namesOf(rig, { prefix: a, reverse: true, end: `${prefix}a/2` }),
        await namesOf(rig, { prefix: `${prefix}a/`, start: a }),
        await namesOf(rig, { start: b, end: a }),
        await namesOf(rig, { prefix: a, start: b }),
        await namesOf(rig, { prefix: `${prefix}nothing` }),
      ];
    },
    gives: [
      "a a/1 a/2 aa",
      "a/1 a/2",
      "a/2 aa b",
      "a/1 a/2",
      "🗝 \uffee é",
      "a/1 a",
      "a/1 a/2",
      "",
      "",
      "",
    ],
  },
  {
    title: "pages do not show, forwards and backwards, limit or none",
    async run(rig) {
      const { client, prefix } = rig;
      const names = Array.from({ length: 150 }, (_, at) => String(at).padStart(3, "0"));
      await client.putMany(names.map((name) => ({ key: prefix + name, value: "" })));
      const all = await namesOf(rig, { prefix, pageSize: 7 });
      const some = await namesOf(rig, { prefix, pageSize: 7, limit: 14 });
      const backwards = await namesOf(rig, { prefix, pageSize: 10, reverse: true });
      const backwardNames = names.toReversed().join(" ");
      return [all === names.join(" "), some, backwards === backwardNames];
    },
    gives: [true, "000 001 002 003 004 005 006 007 008 009 010 011 012 013", true],
  },
  {
    title: "a scan without values still tells revisions and times to live",
    async run({ client, prefix: key }) {
      const { revision } = await client.put(key, "1", { ttlMs: 60_000 });
      const [found] = await gather(client.scan({ prefix: key, keysOnly: true }));
      return {
        ...found,
        key: "",
        revision: found?.revision === revision,
        ttlMs: found?.ttlMs !== undefined,
      };
    },
    gives: { key: "", revision: true, ttlMs: true },
  },
  {
    title: "a scan of a keyspace that is not there is refused",
    run: ({ client }) => endOf(gather(client.keyspace("never-made").scan())),
    gives: readRefused("CLIENT_NOT_FOUND", "KEYSPACE_UNKNOWN", { keyspace: "never-made" }),
  },
];
