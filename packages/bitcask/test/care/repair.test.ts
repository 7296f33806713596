/** What repair saves, what it says is lost, and that it never makes things worse. */
import { describe, expect, test } from "vitest";
import { Bitcask, type Damage, isBitcaskError, repair, verify } from "../../src/index.js";
import { type MemoryDisk, MemoryFileSystem, seedFrom } from "../../src/testing/index.js";
import { crashImages, failEach } from "./crashes.js";
import { DIRECTORY, portsOver, read, SAMPLE_OPTIONS, sampleStore } from "./stores.js";

function bytesAt(disk: MemoryDisk, path: string): Buffer {
  return Buffer.from(new MemoryFileSystem({}, disk).contents(path));
}

function dataFiles(disk: MemoryDisk): string[] {
  return disk.paths().filter((path) => path.endsWith(".data"));
}

/** Flips a bit in the middle of the first record of the newest file. */
async function damagedStore(): Promise<{ disk: MemoryDisk; path: string }> {
  const disk = await sampleStore();
  const path = dataFiles(disk).at(-1) ?? "";
  new MemoryFileSystem({}, disk).flipBit(path, bytesAt(disk, path).indexOf("wwww"), 0);
  return { disk, path };
}

/** Keys that changed, each of which must have lain in a damage, as the undamaged bytes show. */
function expectOnlyDamagedKeysToChange(
  original: MemoryDisk,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  damages: readonly Damage[],
  where: string,
): number {
  const keys = new Set([...before.keys(), ...after.keys()]);
  const changed = [...keys].filter((key) => before.get(key) !== after.get(key));
  const hit = damages
    .filter(({ kind }) => kind === "data")
    .map(({ file, offset, bytes }) => bytesAt(original, file).subarray(offset, offset + bytes));
  for (const key of changed) {
    expect(
      hit.some((bytes) => bytes.includes(key)),
      `${where}: ${key} changed`,
    ).toBe(true);
  }
  return changed.length;
}

describe("repair", () => {
  test("leaves a sound store alone", async () => {
    const disk = await sampleStore();
    const { ports, fileSystem } = portsOver(disk);
    const before = fileSystem.paths().map((path) => [path, fileSystem.contents(path)]);
    const report = await repair(DIRECTORY, { ports });
    expect(report).toMatchObject({ isChanged: false, movedAside: [], warnings: [] });
    expect(fileSystem.paths().map((path) => [path, fileSystem.contents(path)])).toEqual(before);
  });

  test("after any flipped bit keeps all but what the bit hit, and moves the original aside", async () => {
    const original = await sampleStore();
    const before = await read(original);
    const seed = seedFrom(process.env, 1);
    // Every byte with TITAN_STRIDE=1; the seed moves the grid.
    const stride = Number(process.env["TITAN_STRIDE"] ?? 23);
    let repaired = 0;
    let changedKeys = 0;
    for (const path of original.paths()) {
      for (let offset = seed % stride; offset < original.file(path).size; offset += stride) {
        const where = `TITAN_SEED=${seed} ${path}@${offset}`;
        const disk = original.clone();
        const { ports, fileSystem } = portsOver(disk);
        fileSystem.flipBit(path, offset, (offset * 5 + 3) % 8);
        const damaged = Buffer.from(fileSystem.contents(path));
        let report: Awaited<ReturnType<typeof repair>>;
        try {
          report = await repair(DIRECTORY, { ports });
        } catch (error) {
          if (isBitcaskError(error) && error.code === "BITCASK_NEWER_FORMAT") continue;
          throw new Error(where, { cause: error });
        }
        expect(report.isChanged, where).toBe(true);
        const aside = report.movedAside.map((name) => Buffer.from(fileSystem.contents(name)));
        expect(
          aside.some((bytes) => bytes.equals(damaged)),
          where,
        ).toBe(true);
        expect((await verify(DIRECTORY, { ports })).damages, where).toEqual([]);
        const after = await read(fileSystem.snapshot().crash([]));
        const { damages } = report.found;
        changedKeys += expectOnlyDamagedKeysToChange(original, before, after, damages, where);
        expect(fileSystem.openHandleCount).toBe(0);
        repaired += 1;
      }
    }
    process.stdout.write(`repair: ${repaired} flips, ${changedKeys} keys changed\n`);
    expect(repaired).toBeGreaterThan(1500 / stride);
    expect(changedKeys).toBeGreaterThan(250 / stride);
    expect(changedKeys).toBeLessThan(repaired);
  }, 120_000);

  test("drops a batch with a damaged part whole, and says so", async () => {
    const disk = await sampleStore();
    const path = dataFiles(disk).find((name) => bytesAt(disk, name).includes("batch-b")) ?? "";
    const { ports, fileSystem } = portsOver(disk);
    fileSystem.flipBit(path, bytesAt(disk, path).indexOf("batch-b"), 0);
    const report = await repair(DIRECTORY, { ports });
    expect(report.found.damages.map(({ what }) => what)).toContainEqual(
      expect.stringContaining("batch with a damaged part"),
    );
    const after = await read(fileSystem.snapshot());
    expect(after.has("batch-a")).toBe(false);
    expect(after.has("batch-b")).toBe(false);
    // The batch deleted this key: undone with it.
    expect(after.has("key-2")).toBe(true);
    expect(after.get("last")).toBe("of all");
  });

  test("makes a damaged deletion again that the hint knows of", async () => {
    const machine = portsOver((await damagedStore()).disk);
    await repair(DIRECTORY, machine);
    const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports: machine.ports });
    await db.put("victim", "v".repeat(400));
    await db.delete("victim");
    await db.put("filler", "f".repeat(480));
    await db.put("filler-2", "f".repeat(480));
    await db.close();
    const { fileSystem } = machine;
    const files = fileSystem.paths().filter((path) => path.endsWith(".data"));
    const holder = files.findLast((path) => {
      const bytes = Buffer.from(fileSystem.contents(path));
      return (
        bytes.includes("victim") && fileSystem.paths().includes(path.replace(".data", ".hint"))
      );
    });
    expect(holder).toBeDefined();
    const bytes = Buffer.from(fileSystem.contents(holder ?? ""));
    fileSystem.flipBit(holder ?? "", bytes.lastIndexOf("victim"), 0);
    const report = await repair(DIRECTORY, machine);
    expect(report.found.damages[0]?.lost[0]).toMatchObject({ isDeletion: true, source: "hint" });
    expect((await read(fileSystem.snapshot())).has("victim")).toBe(false);
  });

  test("copes with missing, renamed, swapped, cut and foreign files and a lost manifest", async () => {
    const disk = await sampleStore();
    const before = await read(disk);
    const [first = "", second = ""] = dataFiles(disk);
    const last = dataFiles(disk).at(-1) ?? "";
    const after = async (change: (fs: MemoryFileSystem) => Promise<void>) => {
      const { fileSystem, ports } = portsOver(disk.clone());
      await change(fileSystem);
      const report = await repair(DIRECTORY, { ports });
      expect((await verify(DIRECTORY, { ports })).damages).toEqual([]);
      return { report, contents: await read(fileSystem.snapshot()) };
    };
    const rename = await after((fs) => fs.rename(first, `${DIRECTORY}/renamed`));
    expect(rename.contents).toEqual(before);
    const swap = await after(async (fs) => {
      await fs.rename(first, `${DIRECTORY}/aside`);
      await fs.rename(second, first);
      await fs.rename(`${DIRECTORY}/aside`, second);
    });
    expect(swap.contents).toEqual(before);
    const lost = await after((fs) => fs.unlink(`${DIRECTORY}/manifest`));
    expect(lost.contents).toEqual(before);
    expect(lost.report.warnings[0]).toContain("manifest was lost");
    const missing = await after((fs) => fs.unlink(first));
    expect(missing.contents.size).toBeLessThan(before.size);
    // The deletion of this key was in the missing file: what had been deleted is back, with a warning.
    expect(bytesAt(disk, first).includes("key-2")).toBe(true);
    expect(missing.report.warnings).toHaveLength(1);
    for (const [key, value] of missing.contents) {
      if (key !== "key-2") expect(before.get(key)).toBe(value);
    }
    const cut = await after(async (fs) => {
      const handle = await fs.open(last, "read-write");
      await handle.truncate((await handle.size()) - 5);
      await handle.close();
    });
    expect([...before.keys()].filter((key) => !cut.contents.has(key))).toEqual(["last"]);
    const garbage = await after(async (fs) => {
      await fs.unlink(second);
      const handle = await fs.open(second, "create-exclusive");
      await handle.write(Buffer.alloc(5000, "garbage "), 0);
      await handle.close();
    });
    expect(garbage.report.movedAside.some((path) => path.endsWith(second.slice(-15)))).toBe(true);
  });

  test("crashed at any change of the disk can be repeated, and never loses an original", async () => {
    const { disk, path } = await damagedStore();
    const damaged = bytesAt(disk, path);
    const done = portsOver(disk.clone());
    await repair(DIRECTORY, done);
    const expected = await read(done.fileSystem.snapshot());
    expect(expected.size).toBeGreaterThan(10);
    const images = await crashImages(disk, async ({ ports }) => {
      await repair(DIRECTORY, { ports });
    });
    for (const { image, where } of images) {
      const { fileSystem, ports } = portsOver(image.clone());
      await repair(DIRECTORY, { ports });
      expect(await read(fileSystem.snapshot()), where).toEqual(expected);
      const isKept = fileSystem.paths().some((name) => damaged.equals(fileSystem.contents(name)));
      expect(isKept, where).toBe(true);
      // Opened without another repair it is refused, or whole.
      const opened = await read(image).catch((error: unknown) => error);
      if (opened instanceof Map) expect(opened, where).toEqual(expected);
      else expect(opened, where).toMatchObject({ code: "BITCASK_CORRUPT" });
    }
    process.stdout.write(`repair: ${images.length} crash images\n`);
    expect(images.length).toBeGreaterThan(100);
  }, 60_000);

  test("that fails at any operation says so in a typed error and can be repeated", async () => {
    const { disk } = await damagedStore();
    const done = portsOver(disk.clone());
    await repair(DIRECTORY, done);
    const expected = await read(done.fileSystem.snapshot());
    const operations = await failEach(
      disk,
      async ({ ports }) => {
        await repair(DIRECTORY, { ports });
      },
      async (image, outcome, where) => {
        expect(outcome === undefined || isBitcaskError(outcome), where).toBe(true);
        const { ports, fileSystem } = portsOver(image);
        await repair(DIRECTORY, { ports });
        expect(await read(fileSystem.snapshot()), where).toEqual(expected);
      },
    );
    expect(operations).toBeGreaterThan(50);
  }, 60_000);

  test("refuses a store that is open, and a directory without one, which stays as it was", async () => {
    const { ports, fileSystem } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ports });
    await expect(repair(DIRECTORY, { ports })).rejects.toMatchObject({ code: "BITCASK_LOCKED" });
    await db.close();
    await expect(repair("/data", { ports })).rejects.toMatchObject({ code: "BITCASK_NOT_FOUND" });
    expect(await fileSystem.list("/data")).toEqual(["store"]);
  });
});
