/** Reading beside a writer: one moment's state, nothing written, nothing locked. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Bitcask, restore } from "../../src/index.js";
import { isChange, MemoryDisk, MemoryFileSystem } from "../../src/testing/index.js";
import { contentsOf, DIRECTORY, portsOver, read, SAMPLE_OPTIONS, sampleStore } from "./stores.js";

describe("a store open for reading only", () => {
  test("shows everything, changes no byte and takes no lock", async () => {
    const disk = await sampleStore();
    const { ports, fileSystem } = portsOver(disk.clone());
    let changes = 0;
    fileSystem.onOperation = (operation) => {
      if (isChange(operation)) changes += 1;
    };
    const reader = await Bitcask.openReadOnly(DIRECTORY, { ports });
    const again = await Bitcask.open(DIRECTORY, { ports, readOnly: true });
    expect(await contentsOf(reader)).toEqual(await read(disk));
    expect(await contentsOf(again)).toEqual(await read(disk));
    expect(reader.stats().keys).toBeGreaterThan(10);
    await reader.close();
    await again.close();
    expect(changes).toBe(0);
    expect(fileSystem.openHandleCount).toBe(0);
  });

  test("refuses every write with a typed error", async () => {
    const { ports } = portsOver(await sampleStore());
    const db = await Bitcask.openReadOnly(DIRECTORY, { ports });
    const writes = [
      () => db.put("a", "b"),
      () => db.delete("last"),
      () => db.batch([{ type: "put", key: "a", value: "b" }]),
      () => db.sync(),
      () => db.merge(),
      () => db.checkpoint("/elsewhere"),
    ];
    for (const write of writes) {
      await expect(write()).rejects.toMatchObject({
        code: "BITCASK_READ_ONLY",
        outcome: "not-applied",
      });
    }
    await db.close();
  });

  test("goes on showing the moment of its opening while the writer overwrites, merges and ends", async () => {
    const { ports, fileSystem } = portsOver(await sampleStore());
    const writer = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    await writer.put("unsynced", "seen all the same", { sync: "never" });
    const expected = await contentsOf(writer);
    const reader = await Bitcask.openReadOnly(DIRECTORY, { ports });
    expect(await contentsOf(reader)).toEqual(expected);
    for (let n = 0; n < 60; n += 1) await writer.put(`key-${n % 20}`, `later ${"x".repeat(60)}`);
    await writer.delete("last");
    await writer.merge();
    expect(await contentsOf(reader)).toEqual(expected);
    await writer.close();
    expect(await contentsOf(reader)).toEqual(expected);
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader.backup()) chunks.push(chunk);
    await reader.close();
    await restore(chunks, "/restored", { ports });
    expect(await read(fileSystem.snapshot(), "/restored")).toEqual(expected);
    expect(fileSystem.openHandleCount).toBe(0);
  });

  test("opens beside writes, rotations and merges under way, at a state that was once the store's", async () => {
    const { ports } = portsOver(new MemoryDisk());
    const writer = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    // The two halves of a batch are always the same, and never go back.
    const state = { isDone: false };
    const writing = (async () => {
      for (let n = 0; n < 300; n += 1) {
        await nextTurn();
        const value = String(n).padEnd(50, ".");
        await writer.batch([
          { type: "put", key: "left", value },
          { type: "put", key: "right", value },
          { type: "delete", key: `gone-${n - 1}` },
          { type: "put", key: `gone-${n}`, value },
        ]);
        if (n % 15 === 14) await writer.merge();
      }
      state.isDone = true;
    })();
    let last = -1;
    let rounds = 0;
    while (!state.isDone) {
      // The disk is in memory: without this the writer would never have the turn that it may wait for.
      await nextTurn();
      let reader: Bitcask;
      try {
        reader = await Bitcask.openReadOnly(DIRECTORY, { ports });
      } catch (error) {
        throw new Error(`round ${rounds}`, { cause: error });
      }
      const contents = await contentsOf(reader);
      await reader.close();
      rounds += 1;
      if (contents.size === 0) continue;
      expect(contents.get("left")).toBe(contents.get("right"));
      const n = Number.parseInt(contents.get("left") ?? "", 10);
      expect(n).toBeGreaterThanOrEqual(last);
      expect([...contents.keys()].sort()).toEqual([`gone-${n}`, "left", "right"]);
      last = n;
    }
    await writing;
    await writer.close();
    process.stdout.write(`read-only: ${rounds} openings beside a writer\n`);
    expect(rounds).toBeGreaterThan(5);
  });

  test("leaves a torn end where it is", async () => {
    const disk = await sampleStore();
    const path = disk.paths().findLast((name) => name.endsWith(".data")) ?? "";
    const { ports, fileSystem } = portsOver(disk);
    const writer = await Bitcask.open(DIRECTORY, { ports });
    await writer.put("torn", "t".repeat(50), { sync: "never" });
    const torn = new MemoryFileSystem({}, fileSystem.snapshot());
    await writer.close();
    const handle = await torn.open(path, "read-write");
    const size = (await handle.size()) - 7;
    await handle.truncate(size);
    await handle.close();
    const machine = portsOver(torn.snapshot());
    const reader = await Bitcask.openReadOnly(DIRECTORY, { ports: machine.ports });
    expect(reader.has("last")).toBe(true);
    expect(reader.has("torn")).toBe(false);
    await reader.close();
    expect(machine.fileSystem.contents(path)).toHaveLength(size);
  });

  test("needs a store that is there", async () => {
    const { ports, fileSystem } = portsOver(new MemoryDisk());
    await expect(Bitcask.openReadOnly("/none", { ports })).rejects.toMatchObject({
      code: "BITCASK_NOT_FOUND",
    });
    expect(await fileSystem.stat("/none")).toBeUndefined();
  });
});
