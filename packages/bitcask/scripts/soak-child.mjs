/** The process that a soak kills. Notes each write in the log before it is called and after its answer. */
import { openSync, writeSync } from "node:fs";
import { Bitcask } from "../dist/index.js";
import { KEYS, keyOf, optionsOf, Rolls, valueOf, versionOf } from "./soak-load.mjs";

const [directory, logPath, life, firstVersion, seed] = process.argv.slice(2);
const log = openSync(logPath, "a");
const rolls = new Rolls(Number(seed));
const db = await Bitcask.open(directory, optionsOf(Number(life)));
let version = Number(firstVersion);
let batches = 0;
const ending = new AbortController();
/** What reads must show: key to `{ version, expiresAt }`; of keys that this life has written. */
const written = new Map();
/** Highest version whose call, and all before it, have been answered; and answers out of order. */
const answered = new Set();
let acknowledged = version - 1;

process.once("SIGTERM", () => ending.abort());
const sampling = setInterval(sample, 200);
while (!ending.signal.aborted) {
  await turn();
  await check();
  if (rolls.below(60) === 0) await scan();
  if (rolls.below(150) === 0) await db.merge();
}
clearInterval(sampling);
await db.close();

/** Some writes at once. */
async function turn() {
  const count = 1 + rolls.below(64);
  const calls = [];
  let lines = `A ${acknowledged}\n`;
  for (let index = 0; index < count; index += 1) {
    const call = rolls.below(12) === 0 ? batchCall() : singleCall();
    lines += call.lines;
    calls.push(call);
  }
  writeSync(log, lines);
  await Promise.all(
    calls.map(async ({ run, versions }) => {
      await run();
      for (const one of versions) answered.add(one);
      while (answered.delete(acknowledged + 1)) acknowledged += 1;
    }),
  );
}

function singleCall() {
  const key = rolls.below(KEYS);
  const one = version++;
  const sync = ["always", "interval", "never", "never"][rolls.below(4)];
  if (rolls.below(6) === 0) {
    written.set(key, undefined);
    const run = () => db.delete(keyOf(key), { sync });
    return { lines: `I ${one} delete ${key} 0 0\n`, run, versions: [one] };
  }
  const expiresAtMs = rolls.below(8) === 0 ? Date.now() + 200 + rolls.below(6000) : undefined;
  written.set(key, { version: one, expiresAt: expiresAtMs ?? 0 });
  const run = () => db.put(keyOf(key), valueOf(key, one), { sync, expiresAtMs });
  return { lines: `I ${one} put ${key} ${expiresAtMs ?? 0} 0\n`, run, versions: [one] };
}

function batchCall() {
  batches += 1;
  const first = rolls.below(KEYS - 10);
  const size = 2 + rolls.below(8);
  const operations = [];
  const versions = [];
  let lines = "";
  for (let index = 0; index < size; index += 1) {
    const key = first + index;
    const one = version++;
    written.set(key, { version: one, expiresAt: 0 });
    versions.push(one);
    operations.push({ type: "put", key: keyOf(key), value: valueOf(key, one) });
    lines += `I ${one} put ${key} 0 ${batches}\n`;
  }
  return { lines, run: () => db.batch(operations, { sync: "never" }), versions };
}

/** Reads what was written a moment ago. */
async function check() {
  const keys = Array.from({ length: 32 }, () => rolls.below(KEYS));
  const values = await db.getMany(keys.map(keyOf));
  for (const [index, key] of keys.entries()) judge(key, values[index]);
}

async function scan() {
  const from = keyOf(rolls.below(KEYS));
  for await (const { key, value } of db.entries({ gte: from, limit: 200 })) {
    judge(Number(Buffer.from(key).toString().slice(5)), value);
  }
}

function judge(key, value) {
  const found = value === undefined ? undefined : versionOf(key, value);
  if (!written.has(key)) return;
  const expected = written.get(key);
  const isGone =
    expected === undefined || (expected.expiresAt > 0 && expected.expiresAt <= Date.now());
  if (found === expected?.version || (found === undefined && isGone)) return;
  throw new Error(`${keyOf(key)} has version ${found}, not ${expected?.version}`);
}

function sample() {
  const { liveBytes: live, files } = db.stats();
  const { rss } = process.memoryUsage();
  writeSync(log, `S ${JSON.stringify({ rss, live, files: files.length })}\n`);
}
