import { isChange, MemoryFileSystem } from "@titan/bitcask/testing";
import { expect, test } from "vitest";
import { removeShardDirectory } from "../../src/shard/shard-directory.js";
import { MachineBench } from "../support/shard-machine.js";

async function filled(count: number, prefix: string): Promise<MachineBench> {
  const bench = await MachineBench.open();
  for (let at = 0; at < count; at += 1) await bench.put(`${prefix}${at}`, "v".repeat(100));
  return bench;
}

async function names(fileSystem: MemoryFileSystem): Promise<readonly string[]> {
  return [...(await fileSystem.list("/data/shards/0"))].sort();
}

test("a restored state stands at the snapshot's index, and the old store is gone", async () => {
  const source = await filled(30, "s");
  const { index, bytes } = await source.snapshot();
  const target = await filled(3, "t");
  await target.restore(index + 5, bytes);
  expect(target.machine.appliedIndex).toBe(index + 5);
  expect(target.records()).toEqual(source.records());
  expect(await names(target.fileSystem)).toEqual(["current", "store-2"]);
});

test("reading a snapshot leaves nothing behind, neither to its end nor broken off", async () => {
  const source = await filled(30, "s");
  await source.snapshot();
  const { chunks } = await source.machine.snapshot();
  for await (const _ of chunks) break;
  expect(await names(source.fileSystem)).toEqual(["current", "store-1"]);
});

test("what a crash has left of a snapshot is removed at the next opening", async () => {
  const source = await filled(30, "s");
  await source.machine.snapshot();
  expect(await names(source.fileSystem)).toContain("checkpoint-2");
  await source.machine.sync();
  const again = await MachineBench.open(source.fileSystem.crash());
  expect(await names(again.fileSystem)).toEqual(["current", "store-1"]);
});

test("whatever byte of a snapshot is wrong, it is refused, and the state stays as it was", async () => {
  const source = await filled(3, "s");
  const { index, bytes } = await source.snapshot();
  const target = await filled(3, "t");
  const before = target.records();
  // Every byte of what frames it, and some of what is in the files.
  for (let at = 0; at < bytes.length; at += at < 300 || at > bytes.length - 100 ? 1 : 7) {
    const wrong = Buffer.from(bytes);
    wrong[at] = (wrong[at] ?? 0) ^ 0x5a;
    await expect(target.restore(index, wrong)).rejects.toThrow();
  }
  for (const cut of [0, 3, 20, bytes.length - 1]) {
    await expect(target.restore(index, bytes.subarray(0, cut))).rejects.toThrow("damaged");
  }
  const more = Buffer.concat([bytes, Buffer.from("x")]);
  await expect(target.restore(index, more)).rejects.toThrow("behind its end");
  expect(target.records()).toEqual(before);
  expect(await names(target.fileSystem)).toEqual(["current", "store-1"]);
  await target.put("t9", "still works");
});

test("a name that leads out of the directory is refused", async () => {
  const source = await filled(1, "s");
  const { index, bytes } = await source.snapshot();
  const at = bytes.indexOf(".data");
  expect(at).toBeGreaterThan(0);
  const wrong = Buffer.from(bytes);
  wrong.write("/", at, "latin1");
  const target = await filled(1, "t");
  await expect(target.restore(index, wrong)).rejects.toThrow("a name that no store gives");
});

test("wherever the power is cut amid a restore, the state is the old one or the new one", async () => {
  const source = await filled(12, "s");
  const { index, bytes } = await source.snapshot();
  const seen = new Set<string>();
  let isDone = false;
  for (let cutAt = 1; !isDone; cutAt += 1) {
    const target = await filled(4, "t");
    await target.machine.sync();
    const old = target.records();
    let changes = 0;
    target.fileSystem.onOperation = (operation) => {
      changes += isChange(operation) ? 1 : 0;
      if (changes === cutAt) target.fileSystem.cutPower();
    };
    isDone = await target.restore(index, bytes).then(
      () => true,
      () => false,
    );
    const decisions = target.fileSystem.crashDecisions();
    const disk = target.fileSystem.snapshot();
    for (const choice of [[], decisions.map(({ options }) => options - 1)]) {
      const again = await MachineBench.open(new MemoryFileSystem({}, disk.clone()).crash(choice));
      const isNew = again.machine.appliedIndex === index;
      expect(again.records()).toEqual(isNew ? source.records() : old);
      seen.add(isNew ? "new" : "old");
    }
  }
  expect([...seen].sort()).toEqual(["new", "old"]);
});

test("a directory that is removed opens as an empty one, also when that was cut short", async () => {
  const bench = await filled(4, "s");
  await bench.machine.close();
  const half = bench.fileSystem;
  await removeShardDirectory(half, "/data/shards/0");
  expect(await half.stat("/data/shards/0")).toBeUndefined();
  await removeShardDirectory(half, "/data/shards/0");
  const again = await MachineBench.open(half);
  expect(again.machine.appliedIndex).toBe(0);
  expect(again.records()).toEqual([]);
});
