/** The `bitcask` command as a process, on a real disk. Needs the built package. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Bitcask } from "../../src/index.js";

const BIN = join(import.meta.dirname, "..", "..", "bin", "bitcask.js");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitcask-cli-"));
  const db = await Bitcask.open(join(folder, "store"), { sync: "never" });
  for (let n = 0; n < 5000; n += 1) await db.put(`key-${n}`, "v".repeat(100));
  await db.close();
});
afterAll(async () => rm(folder, { recursive: true }));

async function run(argv: readonly string[], readsOutput = true) {
  const child = spawn(process.execPath, [BIN, ...argv], { cwd: folder });
  let output = "";
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  if (readsOutput) {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  } else {
    child.stdout.once("data", () => child.stdout.destroy());
  }
  child.stdin.end();
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output, errors };
}

test("dumps to a pipe whole, and quietly when the pipe breaks", async () => {
  const whole = await run(["dump", "store"]);
  expect(whole.errors).toBe("");
  expect(whole.output.trimEnd().split("\n")).toHaveLength(5000);
  expect(await run(["dump", "store"], false)).toMatchObject({ code: 0, errors: "" });
}, 30_000);

test("backs up to a new file that appears whole, never over another, and restores it", async () => {
  expect(await run(["backup", "store", "b"])).toMatchObject({ code: 0, errors: "" });
  const bytes = await readFile(join(folder, "b"));
  const again = await run(["backup", "store", "b"]);
  expect(again.code).toBe(1);
  expect(again.errors).toContain("b is there already");
  expect((await readFile(join(folder, "b"))).equals(bytes)).toBe(true);
  expect(await run(["restore", "b", "restored"])).toMatchObject({ code: 0, errors: "" });
  expect((await run(["verify", "restored", "--json"])).code).toBe(0);
  await writeFile(join(folder, "half"), bytes.subarray(0, bytes.length / 2));
  const half = await run(["restore", "half", "nothing"]);
  expect(half.code).toBe(1);
  expect(half.errors).toContain("BITCASK_BACKUP_DAMAGED");
  expect((await readdir(folder)).sort()).toEqual(["b", "half", "restored", "store"]);
}, 30_000);

test("ends with code 2 for a wrong command line and 1 for a missing file", async () => {
  expect((await run(["nonsense"])).code).toBe(2);
  const missing = await run(["load", "store", "no-such-file"]);
  expect(missing).toMatchObject({ code: 1, output: "" });
  expect(missing.errors).toMatch(/^bitcask: the input: ENOENT[^\n]*nothing was loaded[^\n]*\n$/);
  expect((await run(["load", "nowhere"])).errors).toContain("--create makes one");
  expect((await run(["--version"])).output).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await run(["--help"])).output).toContain("Usage: bitcask");
}, 30_000);
