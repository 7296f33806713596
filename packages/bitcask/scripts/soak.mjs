/**
 * Mixed load with merges in a child process that is killed every few seconds, for as long as you like:
 *
 *   node scripts/soak.mjs [--seconds 1800] [--seed N] [--keep]
 *
 * After each kill everything that was acknowledged must be there, what was not is there as a prefix of
 * what was called, batches are whole, disk and memory have stayed within their bounds. Needs `dist`.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Bitcask, verify } from "../dist/index.js";
import { Census } from "./soak-census.mjs";
import { Ledger, readLog } from "./soak-ledger.mjs";
import { KEYS, keyOf, optionsOf, Rolls } from "./soak-load.mjs";

const { values: given } = parseArgs({
  options: {
    seconds: { type: "string", default: "1800" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    keep: { type: "boolean", default: false },
  },
});
const seconds = Number(given.seconds);
const seed = Number(given.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed))
  throw new Error("--seconds and --seed are numbers");

const rolls = new Rolls(seed);
const folder = await mkdtemp(join(tmpdir(), "bitcask-soak-"));
const directory = join(folder, "store");
const log = join(folder, "log");
const ledger = new Ledger();
const census = new Census(directory);
const endsAt = Date.now() + seconds * 1000;
const counts = { lives: 0, kills: 0, closes: 0, verified: 0, images: 0 };
say(`seed ${seed}, ${seconds} s, ${folder}`);
await mkdir(directory);
try {
  while (Date.now() < endsAt) await live();
  report();
  if (!given.keep) await rm(folder, { recursive: true, force: true });
} catch (error) {
  report();
  say(`FAILED with --seed ${seed} in life ${counts.lives}; the store is in ${folder}`);
  throw error;
}

/** One life of the child and what it leaves. */
async function live() {
  counts.lives += 1;
  const life = counts.lives;
  const milliseconds = Math.min(1000 + rolls.below(5000), Math.max(500, endsAt - Date.now()));
  const isKill = rolls.below(10) > 0;
  await writeFile(log, "");
  const args = [directory, log, String(life), String(ledger.nextVersion), String(seed + life)];
  const child = spawn(process.execPath, [join(import.meta.dirname, "soak-child.mjs"), ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const stop = setTimeout(() => child.kill(isKill ? "SIGKILL" : "SIGTERM"), milliseconds);
  const sampling = setInterval(() => census.sampleDisk(), 250);
  const { code, signal } = await ended;
  clearTimeout(stop);
  clearInterval(sampling);
  if (signal === null && code !== 0) throw new Error(`the child ended with code ${code}`);
  if (signal === null) counts.closes += 1;
  else counts.kills += 1;
  const { intents, acknowledged, samples } = readLog(await readFile(log, "utf8"));
  census.add(samples);
  await examine(life, intents, acknowledged, signal !== null);
}

/** Opens what is left and holds it against everything that was called. */
async function examine(life, intents, acknowledged, wasKilled) {
  const options = optionsOf(life);
  if (life % 8 === 0) {
    const found = await verify(directory, { encryption: options.encryption });
    if (!found.ok) throw new Error(`verify found damage: ${JSON.stringify(found.damages[0])}`);
    counts.verified += 1;
  }
  const db = await Bitcask.open(directory, { ...options, autoMerge: false });
  const { tornTail } = db.stats().open;
  if (!wasKilled && tornTail !== undefined) throw new Error("a torn end after a clean close");
  const found = new Map();
  for (let index = 0; index < KEYS; index += 1) {
    const value = db.getSync(keyOf(index));
    if (value !== undefined) found.set(index, value);
  }
  let scanned = 0;
  for (const { value } of db.entriesSync()) scanned += value.length > 0 ? 1 : 0;
  if (scanned > found.size) throw new Error(`a scan sees ${scanned} keys, reads ${found.size}`);
  ledger.settle(found, intents, acknowledged);
  await db.close();
  // The next life opens by it.
  if (existsSync(join(directory, "keydir.image"))) counts.images += 1;
}

function report() {
  const { lives, kills, closes, verified, images } = counts;
  say(
    `${lives} lives, ${kills} kills, ${closes} clean ends, ${verified} verifications, ` +
      `${images} images of the index`,
  );
  say(ledger.describe());
  for (const line of census.describe()) say(line);
  census.assertBounds();
}

function say(text) {
  process.stdout.write(`soak: ${text}\n`);
}
