/** Copies by hard links: complete or recognisably absent, and independent of the store. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Bitcask, isBitcaskError, verify } from "../../src/index.js";
import { crashImages, failEach } from "./crashes.js";
import { contentsOf, DIRECTORY, portsOver, read, SAMPLE_OPTIONS, sampleStore } from "./stores.js";

const TARGET = "/copies/one";

describe("checkpoint", () => {
  test("is a store of its own with everything written before, and nothing after", async () => {
    const { fileSystem, ports } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    await db.put("unsynced", "but written", { sync: "never" });
    const expected = await contentsOf(db);
    const report = await db.checkpoint(TARGET);
    await db.put("last", "overwritten");
    for (let n = 0; n < 30; n += 1) await db.put(`key-${n}`, "x".repeat(50));
    await db.merge();
    const disk = fileSystem.snapshot();
    expect(await read(disk, TARGET)).toEqual(expected);
    expect(await read(disk.crash([]), TARGET)).toEqual(expected);
    expect((await verify(TARGET, { ports })).damages).toEqual([]);
    expect(report.files).toBeGreaterThan(2);
    expect(report.copiedBytes).toBeLessThan(report.bytes);

    const copy = await Bitcask.open(TARGET, { ...SAMPLE_OPTIONS, ports });
    await copy.put("only", "in the copy");
    await copy.merge();
    await copy.close();
    expect(db.has("only")).toBe(false);
    await db.close();
    expect(fileSystem.openHandleCount).toBe(0);
  });

  test("of a store with a long active file seals it instead of copying it", async () => {
    const { ports, fileSystem } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ports });
    await db.put("large", new Uint8Array(2 * 1024 * 1024));
    const report = await db.checkpoint(TARGET);
    expect(report.copiedBytes).toBeLessThan(1000);
    await db.close();
    expect((await read(fileSystem.snapshot(), TARGET)).get("large")).toHaveLength(2 * 1024 * 1024);
  });

  test("under writes that never pause gets its turn, and holds whole batches only", async () => {
    const { ports, fileSystem } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    const state = { isDone: false };
    const writer = async (name: string) => {
      for (let n = 0; !state.isDone; n += 1) {
        const value = `${n} ${"y".repeat(30)}`;
        const batch = ["a", "b"].map((half) => ({ type: "put" as const, key: name + half, value }));
        await db.batch(batch);
      }
    };
    const merger = async () => {
      while (!state.isDone) {
        await db.merge();
        // The disk is in memory: without this the writers would never have the turn that they may wait for.
        await nextTurn();
      }
    };
    const writers = [writer("p"), writer("q"), writer("r"), merger()];
    const targets = [1, 2, 3, 4, 5].map((n) => `/copies/${n}`);
    for (const target of targets) await db.checkpoint(target);
    state.isDone = true;
    await Promise.all(writers);
    await db.close();
    for (const target of targets) {
      const contents = await read(fileSystem.snapshot(), target);
      for (const name of ["p", "q", "r"]) {
        expect(contents.get(`${name}a`)).toBe(contents.get(`${name}b`));
      }
      expect(contents.has("key-2")).toBe(false);
      expect(contents.get("last")).toBe("of all");
    }
  });

  test("crashed at any change of the disk is complete or refused, and the store unharmed", async () => {
    const disk = await sampleStore();
    const expected = await read(disk);
    let complete = 0;
    let refused = 0;
    const images = await crashImages(disk, async ({ ports }) => {
      const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
      await db.checkpoint(TARGET);
    });
    for (const { image, where, isDone } of images) {
      expect(await read(image), where).toEqual(expected);
      try {
        expect(await read(image, TARGET), where).toEqual(expected);
        complete += 1;
      } catch (error) {
        if (!isBitcaskError(error)) throw error;
        expect(["BITCASK_NOT_FOUND", "BITCASK_INCOMPLETE_COPY"], where).toContain(error.code);
        expect(isDone, where).toBe(false);
        refused += 1;
      }
    }
    process.stdout.write(`checkpoint: ${complete} complete, ${refused} refused\n`);
    expect(complete).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(20);
  }, 60_000);

  test("that fails at any operation says so in a typed error and leaves no half copy", async () => {
    const disk = await sampleStore();
    const expected = await read(disk);
    const operations = await failEach(
      disk,
      async ({ ports }) => {
        const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
        try {
          await db.checkpoint(TARGET);
        } finally {
          await db.close().catch(() => undefined);
        }
      },
      async (image, outcome, where) => {
        expect(await read(image), where).toEqual(expected);
        expect(outcome === undefined || isBitcaskError(outcome), where).toBe(true);
        const copy = await read(image, TARGET).catch((error: unknown) => error);
        if (copy instanceof Map) expect(copy, where).toEqual(expected);
        else
          expect(["BITCASK_NOT_FOUND", "BITCASK_INCOMPLETE_COPY"]).toContain(
            (copy as { code: string }).code,
          );
      },
    );
    expect(operations).toBeGreaterThan(50);
  }, 60_000);

  test("refuses a target that is not empty, and one on another file system", async () => {
    const { fileSystem, ports } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    await expect(db.checkpoint(DIRECTORY)).rejects.toMatchObject({
      code: "BITCASK_TARGET_NOT_EMPTY",
    });
    await db.checkpoint(TARGET);
    await expect(db.checkpoint(TARGET)).rejects.toMatchObject({ code: "BITCASK_TARGET_NOT_EMPTY" });
    fileSystem.faults.add({ kind: "link", fault: { type: "error", code: "EXDEV" } });
    await expect(db.checkpoint("/other")).rejects.toMatchObject({ code: "BITCASK_CANNOT_LINK" });
    expect(await fileSystem.stat("/other")).toBeUndefined();
    expect(db.getSync("last")).toBeDefined();
    await db.close();
    await expect(db.checkpoint("/late")).rejects.toMatchObject({ code: "BITCASK_CLOSED" });
  });

  test("on a real disk shares the bytes of sealed files", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bitcask-checkpoint-"));
    try {
      const db = await Bitcask.open(join(folder, "store"), {
        dataFileMaxBytes: 4096,
        sync: "never",
      });
      for (let n = 0; n < 200; n += 1) await db.put(`key-${n}`, "z".repeat(100));
      await db.checkpoint(join(folder, "copy"));
      const shared = await stat(join(folder, "copy", "0000000001.data"));
      expect(shared.nlink).toBe(2);
      await db.close();
      const copy = await Bitcask.open(join(folder, "copy"), { createIfMissing: false });
      expect((await contentsOf(copy)).size).toBe(200);
      await copy.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
