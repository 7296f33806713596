import { describe, expect, test } from "vitest";
import { MemoryFileSystem, SeededRandom, VirtualClock } from "../../src/testing/index.js";

const SECTOR = 512;
const LOSE_ALL = (): number => 0;
const KEEP_ALL = (count: number): number => count - 1;

function filled(value: number, length = SECTOR): Uint8Array {
  return new Uint8Array(length).fill(value);
}

async function create(fileSystem: MemoryFileSystem, path: string, bytes: Uint8Array) {
  const handle = await fileSystem.open(path, "create-exclusive");
  await handle.write(bytes, 0);
  return handle;
}

/** The first byte of each sector. */
async function sectors(fileSystem: MemoryFileSystem, path: string): Promise<number[]> {
  const handle = await fileSystem.open(path, "read");
  const bytes = new Uint8Array(await handle.size());
  await handle.read(bytes, 0);
  return Array.from({ length: Math.ceil(bytes.length / SECTOR) }, (_, at) => bytes[at * SECTOR]!);
}

describe("a power cut", () => {
  test("takes back names and bytes that were not synced", async () => {
    const fileSystem = new MemoryFileSystem();
    await create(fileSystem, "/named", filled(1));
    await fileSystem.syncDirectory("/");
    await create(fileSystem, "/unnamed", filled(1));
    fileSystem.disk.cutPower(LOSE_ALL);
    expect(await fileSystem.list("/")).toEqual(["named"]);
    expect(await sectors(fileSystem, "/named")).toEqual([]);
  });

  test("leaves what was synced, whatever becomes of the rest", async () => {
    const fileSystem = new MemoryFileSystem();
    const handle = await create(fileSystem, "/file", filled(1, 3 * SECTOR));
    await handle.sync();
    await fileSystem.syncDirectory("/");
    await handle.write(filled(2, 2 * SECTOR), SECTOR);
    fileSystem.disk.cutPower(LOSE_ALL);
    expect(await sectors(fileSystem, "/file")).toEqual([1, 1, 1]);
  });

  test("leaves each sector with any content that it has had since, but never half of one", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const random = new SeededRandom(seed);
      const fileSystem = new MemoryFileSystem();
      const handle = await create(fileSystem, "/file", filled(1, 2 * SECTOR));
      await handle.sync();
      await fileSystem.syncDirectory("/");
      await handle.write(filled(2, 2 * SECTOR), 0);
      await handle.write(filled(3, SECTOR), SECTOR);
      fileSystem.disk.cutPower((count) => random.nextInt(count));
      seen.add((await sectors(fileSystem, "/file")).join(" "));
    }
    expect([...seen].sort()).toEqual(["1 1", "1 2", "1 3", "2 1", "2 2", "2 3"]);
  });

  test("leaves any size on the way to the new one", async () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 60; seed += 1) {
      const random = new SeededRandom(seed);
      const fileSystem = new MemoryFileSystem();
      const handle = await create(fileSystem, "/file", filled(1, 100));
      await handle.sync();
      await fileSystem.syncDirectory("/");
      await handle.write(filled(2, 1200), 100);
      fileSystem.disk.cutPower((count) => random.nextInt(count));
      seen.add((await fileSystem.stat("/file"))!.size);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([100, 512, 1024, 1300]);
  });

  test("keeps a rename whole or not at all", async () => {
    for (const keeps of [false, true]) {
      const fileSystem = new MemoryFileSystem();
      await (await create(fileSystem, "/old", filled(1))).sync();
      await (await create(fileSystem, "/new", filled(2))).sync();
      await fileSystem.syncDirectory("/");
      await fileSystem.rename("/new", "/old");
      fileSystem.disk.cutPower(keeps ? KEEP_ALL : LOSE_ALL);
      const names = [...(await fileSystem.list("/"))].sort();
      expect(names).toEqual(keeps ? ["old"] : ["new", "old"]);
      expect(await sectors(fileSystem, "/old")).toEqual(keeps ? [2] : [1]);
    }
  });

  test("loses with a directory's name what is in it", async () => {
    const fileSystem = new MemoryFileSystem();
    await fileSystem.makeDirectory("/a");
    await (await create(fileSystem, "/a/file", filled(1))).sync();
    await fileSystem.syncDirectory("/a");
    fileSystem.disk.cutPower(LOSE_ALL);
    expect(await fileSystem.list("/")).toEqual([]);
    expect(await fileSystem.stat("/a/file")).toBeUndefined();
  });
});

describe("a failed sync", () => {
  async function failing() {
    let isFailing = false;
    const fileSystem = new MemoryFileSystem({
      fate: ({ kind }) => (isFailing && kind === "sync" ? { error: "EIO" } : undefined),
    });
    const handle = await create(fileSystem, "/file", filled(1));
    await handle.sync();
    await fileSystem.syncDirectory("/");
    await handle.write(filled(2), 0);
    isFailing = true;
    await expect(handle.sync()).rejects.toMatchObject({ code: "EIO" });
    isFailing = false;
    return { fileSystem, handle };
  }

  test("is not made good by a later one, though programs read what they wrote", async () => {
    const { fileSystem, handle } = await failing();
    await handle.sync();
    expect(await sectors(fileSystem, "/file")).toEqual([2]);
    fileSystem.disk.cutPower(LOSE_ALL);
    expect(await sectors(fileSystem, "/file")).toEqual([1]);
  });

  test("is made good by writing again", async () => {
    const { fileSystem, handle } = await failing();
    await handle.write(filled(2), 0);
    await handle.sync();
    fileSystem.disk.cutPower(LOSE_ALL);
    expect(await sectors(fileSystem, "/file")).toEqual([2]);
  });
});

describe("a sync under way", () => {
  test("covers what was written before it began, and nothing that came after", async () => {
    const clock = new VirtualClock();
    const fileSystem = new MemoryFileSystem({
      clock,
      fate: ({ kind }) => (kind === "sync" ? { delayMs: 10 } : undefined),
    });
    const handle = await create(fileSystem, "/file", filled(1));
    await fileSystem.syncDirectory("/");
    const sync = handle.sync();
    await handle.write(filled(2), 0);
    clock.advance(10);
    await sync;
    fileSystem.disk.cutPower(LOSE_ALL);
    expect(await sectors(fileSystem, "/file")).toEqual([1]);
  });
});

describe("a full disk", () => {
  test("takes what fits, and then fails with ENOSPC; what is there can be overwritten", async () => {
    const fileSystem = new MemoryFileSystem();
    fileSystem.capacityBytes = 700;
    const handle = await fileSystem.open("/file", "create-exclusive");
    await expect(handle.write(filled(1, 1000), 0)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await handle.size()).toBe(700);
    expect(fileSystem.freeBytes).toBe(0);
    await handle.write(filled(2, 700), 0);
    fileSystem.capacityBytes = 1000;
    await handle.write(filled(3, 300), 700);
    expect(await handle.size()).toBe(1000);
  });
});
