/** What verification finds, and that it changes nothing. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Bitcask, verify } from "../../src/index.js";
import { type MemoryDisk, MemoryFileSystem } from "../../src/testing/index.js";
import { DIRECTORY, portsOver, sampleStore } from "./stores.js";

function bytesOf(disk: MemoryDisk): Map<string, Buffer> {
  const fileSystem = new MemoryFileSystem({}, disk);
  return new Map(fileSystem.paths().map((path) => [path, Buffer.from(fileSystem.contents(path))]));
}

describe("verify", () => {
  test("says of a sound store that it is sound, and how much it read", async () => {
    const disk = await sampleStore();
    const report = await verify(DIRECTORY, portsOver(disk));
    expect(report.damages).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.files.length).toBeGreaterThan(2);
    expect(report.hints).toBeGreaterThan(0);
    expect(report.records).toBeGreaterThan(15);
    expect(report.tornTail).toBeUndefined();
  });

  test("finds a flipped bit at any byte of any file, names the file, and changes nothing", async () => {
    const disk = await sampleStore();
    const missed: string[] = [];
    let flips = 0;
    for (const path of disk.paths()) {
      // With TITAN_THOROUGH=1 (`test:exhaustive`) every byte; else every seventeenth.
      const step = process.env["TITAN_THOROUGH"] === "1" ? 1 : 17;
      for (let offset = 0; offset < disk.file(path).size; offset += step) {
        const damaged = disk.clone();
        new MemoryFileSystem({}, damaged).flipBit(path, offset, (offset * 5 + 3) % 8);
        const before = bytesOf(damaged);
        flips += 1;
        const report = await verify(DIRECTORY, portsOver(damaged)).catch((error: unknown) => error);
        if (report instanceof Error) {
          // A flag of a newer format: refused rather than reported.
          if (!report.message.includes("newer"))
            missed.push(`${path}@${offset}: ${report.message}`);
        } else {
          const found = (report as Awaited<ReturnType<typeof verify>>).damages;
          const covers = found.some(
            (damage) =>
              damage.file === path &&
              (damage.kind !== "data" ||
                (damage.offset <= offset && offset < damage.offset + damage.bytes)),
          );
          if (!covers) missed.push(`${path}@${offset}: ${JSON.stringify(found)}`);
        }
        expect(bytesOf(damaged)).toEqual(before);
      }
    }
    process.stdout.write(`verify: ${flips} flips\n`);
    expect(missed).toEqual([]);
  }, 120_000);

  test("names the keys that lay in the damage, from the hint or from the record itself", async () => {
    const disk = await sampleStore();
    const fileSystem = new MemoryFileSystem({}, disk);
    const last =
      disk
        .paths()
        .filter((path) => path.endsWith(".data"))
        .at(-1) ?? "";
    const offset = Buffer.from(fileSystem.contents(last)).indexOf("of all");
    fileSystem.flipBit(last, offset, 1);
    for (const source of ["hint", "record"]) {
      const report = await verify(DIRECTORY, portsOver(disk));
      expect(report.ok).toBe(false);
      expect(report.damages).toHaveLength(1);
      const lost = report.damages[0]?.lost ?? [];
      expect(lost.map(({ key, source }) => [Buffer.from(key).toString(), source])).toEqual([
        ["last", source],
      ]);
      if (source === "hint") await fileSystem.unlink(last.replace(".data", ".hint"));
    }
  });

  test("reports missing, renamed and swapped files and a missing manifest", async () => {
    const disk = await sampleStore();
    const files = disk.paths().filter((path) => path.endsWith(".data"));
    const [first = "", second = ""] = files;
    const kinds = async (change: (fileSystem: MemoryFileSystem) => Promise<void>) => {
      const clone = disk.clone();
      const { fileSystem, ports } = portsOver(clone);
      await change(fileSystem);
      const report = await verify(DIRECTORY, { ports });
      expect(report.ok).toBe(false);
      return report.damages.map(({ kind, what }) => `${kind}: ${what}`);
    };
    expect(await kinds((fs) => fs.unlink(first))).toEqual([
      "name: it is missing, with all its records",
    ]);
    expect(await kinds((fs) => fs.rename(first, `${DIRECTORY}/renamed`))).toEqual([
      expect.stringMatching(/^name: it is data file \d+ under another name/),
    ]);
    const swap = async (fs: MemoryFileSystem) => {
      await fs.rename(first, `${DIRECTORY}/aside`);
      await fs.rename(second, first);
      await fs.rename(`${DIRECTORY}/aside`, second);
    };
    expect((await kinds(swap)).filter((what) => what.startsWith("name:"))).toHaveLength(2);
    expect(await kinds((fs) => fs.unlink(`${DIRECTORY}/manifest`))).toEqual([
      "manifest: it is missing",
    ]);
  });

  test("takes a torn end for what it is, not for damage", async () => {
    const { fileSystem, ports } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ports, autoMerge: false });
    await db.put("torn", "t".repeat(100), { sync: "never" });
    const disk = fileSystem.snapshot();
    await db.close();
    const active =
      disk
        .paths()
        .filter((path) => path.endsWith(".data"))
        .at(-1) ?? "";
    const torn = new MemoryFileSystem({}, disk);
    const handle = await torn.open(active, "read-write");
    await handle.truncate((await handle.size()) - 10);
    await handle.close();
    const report = await verify(DIRECTORY, portsOver(torn.snapshot()));
    expect(report.damages).toEqual([]);
    expect(report.tornTail?.file).toBe(active);
  });

  test("works beside a live writer that rotates and merges", async () => {
    const { ports } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ports, dataFileMaxBytes: 512, autoMerge: false });
    const state = { isDone: false };
    const writing = (async () => {
      for (let n = 0; n < 150; n += 1) {
        await nextTurn();
        await db.put(`key-${n % 7}`, `new ${n} ${"x".repeat(40)}`);
        if (n % 20 === 19) await db.merge();
      }
      state.isDone = true;
    })();
    let rounds = 0;
    while (!state.isDone) {
      const report = await verify(DIRECTORY, { ports });
      expect(report.damages).toEqual([]);
      rounds += 1;
      // The disk is in memory: without this the writer would never have the turn that it may wait for.
      await nextTurn();
    }
    await writing;
    await db.close();
    expect(rounds).toBeGreaterThan(3);
  });

  test("refuses a directory without a store", async () => {
    const { ports } = portsOver(await sampleStore());
    await expect(verify("/nowhere", { ports })).rejects.toMatchObject({
      code: "BITCASK_NOT_FOUND",
    });
    await expect(verify("/data", { ports })).rejects.toMatchObject({ code: "BITCASK_NOT_FOUND" });
  });
});
