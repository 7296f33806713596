/** The command, over a log on a real disk. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runWalCommand } from "../../src/wal/command-line.js";
import { NodeFileSystem } from "../../src/wal/node-file-system.js";
import { nodePorts } from "../../src/wal/node-ports.js";
import { RaftWal } from "../../src/wal/raft-wal.js";
import { SMALL } from "./support/wal-world.js";
import { entryRange, snapshotAt } from "./support/workload.js";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "titan-raft-wal-"));
  const wal = await RaftWal.open(join(directory, "a", "b"), nodePorts(), SMALL);
  expect(wal.tryAppendSync([{ group: 1, entries: entryRange(1, 3) }])?.isDurable).toBe(true);
  await wal.append([{ group: 2, installSnapshot: snapshotAt(5, 2) }]);
  await expect(RaftWal.open(join(directory, "a", "b"), nodePorts())).rejects.toMatchObject({
    code: "RAFT_WAL_LOCKED",
  });
  await wal.close();
});

afterEach(() => rm(directory, { recursive: true }));

async function run(...args: string[]) {
  let out = "";
  let errors = "";
  const code = await runWalCommand(args, {
    fileSystem: new NodeFileSystem(),
    print: async (text) => {
      out += text;
    },
    printError: async (text) => {
      errors += text;
    },
  });
  return { code, out, errors };
}

describe("titan-raft-wal", () => {
  test("verify says what is there and exits with 0", async () => {
    const { code, out } = await run("verify", join(directory, "a", "b"));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ isIntact: true, groups: 2, entries: 3, records: 2 });
  });

  test("verify names damage and exits with 1", async () => {
    const path = join(directory, "a", "b", "raft-0000000001.wal");
    const bytes = await readFile(path);
    bytes.writeUInt8(0xff, 512 + 48 + 40 + 32 + 18);
    await writeFile(path, bytes);
    const { code, errors } = await run("verify", join(directory, "a", "b"));
    expect(code).toBe(1);
    expect(errors).toContain("segment 1 at 560");
    expect(errors).toContain("group 1 entries 1 to 3");
  });

  test("dump prints records as lines of JSON, of one group if asked", async () => {
    const all = await run("dump", join(directory, "a", "b"));
    const lines = all.out
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(lines).toMatchObject([
      { group: 1, kind: "entries", entries: [{ index: 1, bytes: 8 }, {}, {}] },
      { group: 2, kind: "install", meta: { index: 5, term: 2 } },
    ]);
    const one = await run("dump", join(directory, "a", "b"), "--group", "1", "--data");
    expect(one.out.trim().split("\n")).toHaveLength(1);
    expect(one.out).toContain('"data":"AQEBAQEBAQE="');
  });

  test.each([[[]], [["verify"]], [["dump", "x", "--group", "0"]], [["mend", "x"]]])(
    "answers %j with its usage and exits with 2",
    async (args) => {
      expect(await run(...args)).toMatchObject({
        code: 2,
        errors: expect.stringContaining("usage"),
      });
    },
  );

  test("a directory that is no log exits with 2", async () => {
    expect((await run("verify", directory)).code).toBe(2);
    expect((await run("verify", join(directory, "nothing"))).errors).toContain("RAFT_WAL_READ");
  });
});
