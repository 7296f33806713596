/** One directory and several real processes. Needs the built package. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Bitcask, type BitcaskOptions, deflateCodec } from "../../src/index.js";

const PACKAGE = pathToFileURL(join(import.meta.dirname, "../../dist/index.js")).href;
/** Opens the store, says how that went, and holds it until it is ended. */
const HOLDER = `
  const { Bitcask } = await import(${JSON.stringify(PACKAGE)});
  try {
    const db = await Bitcask.open(process.argv[1]);
    await db.put(String(process.pid), "was here");
    process.stdout.write("open\\n");
    setInterval(() => db, 1000);
  } catch (error) {
    process.stdout.write(error.code + "\\n");
  }
`;

let directory = "";
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitcask-processes-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

async function start(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", HOLDER, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const said = await new Promise<string>((resolve) => {
    child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once("exit", (code) => resolve(`ended with ${code}`));
  });
  return { child, said };
}

test("of processes that open a directory at once exactly one gets it, and the next after it is killed", async () => {
  const first = await Promise.all([start(), start(), start()]);
  const said = first.map((each) => each.said).toSorted((a, b) => a.localeCompare(b));
  expect(said).toEqual(["BITCASK_LOCKED", "BITCASK_LOCKED", "open"]);
  const holder = first.find((each) => each.said === "open")?.child;
  const ended = new Promise((resolve) => holder?.once("exit", resolve));
  holder?.kill("SIGKILL");
  await ended;
  const second = await Promise.all([start(), start()]);
  expect(new Set(second.map((each) => each.said))).toEqual(new Set(["BITCASK_LOCKED", "open"]));

  // Everybody may read meanwhile, and what the dead one was told to be durable is there.
  const reader = await Bitcask.openReadOnly(directory);
  const opened = [...first, ...second].filter((each) => each.said === "open");
  expect(opened.map(({ child }) => reader.has(String(child.pid)))).toEqual([true, true]);
  await reader.close();
}, 30_000);

const FORMS: Record<string, BitcaskOptions> = {
  plain: {},
  "compressed and encrypted": {
    encryption: { keyId: 1, key: Buffer.alloc(32, 1) },
    compression: { codec: deflateCodec() },
  },
};
const isTried = (form: string): boolean =>
  form === "plain" || process.env["TITAN_THOROUGH"] === "1";

test.each(Object.keys(FORMS).filter(isTried))(
  "values of 64 MiB and keys of 65,535 bytes go to a disk and back, %s",
  async (form) => {
    const options = FORMS[form];
    const same = (bytes: Uint8Array | undefined): boolean =>
      bytes !== undefined && value.equals(bytes);
    const key = Buffer.alloc(65_535, "k");
    const value = Buffer.alloc(64 * 1024 * 1024);
    for (let at = 0; at < value.length; at += 4096) value.writeUInt32LE(at, at);
    const db = await Bitcask.open(directory, options);
    await db.put(key, value);
    expect(same(await db.get(key))).toBe(true);
    await db.close();
    const again = await Bitcask.open(directory, options);
    expect(same(again.getSync(key))).toBe(true);
    await again.merge();
    expect(same(await again.get(key))).toBe(true);
    await again.close();
  },
  60_000,
);
