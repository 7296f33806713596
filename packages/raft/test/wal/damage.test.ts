import { MemoryFileSystem } from "@titan/bitcask/testing";
import { describe, expect, test } from "vitest";
import { toLogIndex } from "../../src/core/ids.js";
import { isRaftWalError } from "../../src/wal/errors.js";
import { verifyWal } from "../../src/wal/inspect-log.js";
import { testSeed } from "../support/seeded-random.js";
import { describeWal } from "./support/naive-log.js";
import { createWorld, DIRECTORY, openWal, type World } from "./support/wal-world.js";
import { entryRange } from "./support/workload.js";

/** One byte in so many is tried; TITAN_STRIDE=1 tries all. */
const STRIDE = Number(process.env["TITAN_STRIDE"] ?? 5);
const FIRST = `${DIRECTORY}/raft-0000000001.wal`;
const HEADER_BYTES = 512;

/** Three groups, two segments, all durable. */
async function writtenWorld(close: boolean): Promise<{ world: World; text: string }> {
  const world = createWorld();
  const wal = await openWal(world);
  for (let step = 0; step < 12; step += 1) {
    const group = 1 + (step % 3);
    const from = 1 + 4 * Math.floor(step / 3);
    await wal.append([{ group, entries: entryRange(from, from + 3, 1, 60) }]);
  }
  const text = describeWal(wal);
  if (close) await wal.close();
  return { world, text };
}

async function openError(world: World) {
  try {
    await (await openWal(world)).close();
  } catch (error) {
    if (isRaftWalError(error)) return error;
    throw error;
  }
  return undefined;
}

describe("bit rot", () => {
  test("a turned bit anywhere in a log is refused by name, or changes nothing", async () => {
    const { world, text } = await writtenWorld(true);
    const disk = world.fileSystem.snapshot();
    const counts = { refused: 0, harmless: 0 };
    const start = testSeed() % STRIDE;
    for (const path of world.fileSystem.paths()) {
      const size = world.fileSystem.contents(path).length;
      for (let offset = start; offset < size; offset += STRIDE) {
        const fileSystem = new MemoryFileSystem({}, disk.clone());
        fileSystem.flipBit(path, offset, Math.floor(offset / STRIDE) % 8);
        const twin = createWorld(fileSystem, 2);
        try {
          const wal = await openWal(twin);
          expect(describeWal(wal), `${path} at ${offset}`).toBe(text);
          await wal.close();
          counts.harmless += 1;
        } catch (error) {
          if (!isRaftWalError(error)) throw error;
          expect(["RAFT_WAL_DAMAGED", "RAFT_WAL_LOCKED"]).toContain(error.code);
          counts.refused += 1;
        }
      }
    }
    // Every byte of header and frames is guarded; only padding and free space are not.
    expect(counts.refused).toBeGreaterThan(3000 / STRIDE);
    expect(counts.harmless).toBeGreaterThan(1000 / STRIDE);
  }, 60_000);

  test("damage is told with segment, offset, groups and lost entries", async () => {
    const { world } = await writtenWorld(true);
    const bytes = Buffer.from(world.fileSystem.contents(FIRST));
    const frame = bytes.indexOf("TRFB", HEADER_BYTES + 100);
    const offset = bytes.indexOf("TRFB", frame + 4);
    world.fileSystem.flipBit(FIRST, offset + 40 + 32 + 20, 3);
    const error = await openError(world);
    expect(error?.code).toBe("RAFT_WAL_DAMAGED");
    const [region] = error?.damage?.regions ?? [];
    expect(region).toMatchObject({ segment: 1, offset });
    expect(region?.groups).toHaveLength(1);
    expect(error?.damage?.lost[0]).toMatchObject({ group: region?.groups[0], first: 1, last: 4 });
    const report = await verifyWal(world.fileSystem, DIRECTORY);
    expect(report.isIntact).toBe(false);
    expect(report.damage.regions).toEqual(error?.damage?.regions);
  });

  test("a log without its files is lost, not new", async () => {
    const { world } = await writtenWorld(true);
    for (const path of world.fileSystem.paths()) {
      if (path.endsWith(".wal")) await world.fileSystem.unlink(path);
    }
    expect((await openError(world))?.code).toBe("RAFT_WAL_DAMAGED");
  });

  test.each([1, 2])("a missing segment %i is refused by name", async (number) => {
    const world = createWorld();
    const wal = await openWal(world);
    for (let from = 1; from < 80; from += 4) {
      await wal.append([{ group: 1, entries: entryRange(from, from + 3, 1, 60) }]);
    }
    await wal.close();
    await world.fileSystem.unlink(`${DIRECTORY}/raft-000000000${number}.wal`);
    const error = await openError(world);
    expect(error?.damage?.regions[0]).toMatchObject({
      segment: number,
      reason: "the file is missing",
    });
    expect(error?.damage?.lost[0]?.group).toBe(1);
  });

  test("a segment of another log, a cut one and one of a newer format are refused", async () => {
    const other = createWorld(undefined, 77);
    await (await openWal(other)).close();
    const { world } = await writtenWorld(true);
    const replaced = createWorld(new MemoryFileSystem({}, world.fileSystem.snapshot()), 3);
    const handle = await replaced.fileSystem.open(FIRST, "read-write");
    await handle.write(other.fileSystem.contents(FIRST), 0);
    expect((await openError(replaced))?.message).toContain("belongs to another log");
    await handle.truncate(600);
    expect((await openError(replaced))?.code).toBe("RAFT_WAL_DAMAGED");
    await handle.close();
  });

  test("a read that finds other bytes than were written fails by name and serves nothing", async () => {
    const { world } = await writtenWorld(false);
    const twin = createWorld(new MemoryFileSystem({}, world.fileSystem.snapshot()), 4);
    const wal = await openWal(twin, { cacheBytes: 0 });
    const at = Buffer.from(twin.fileSystem.contents(FIRST)).indexOf(
      entryRange(1, 1, 1, 60)[0]!.data,
    );
    twin.fileSystem.flipBit(FIRST, at + 5, 1);
    const read = () => wal.storage(1).entries(toLogIndex(1), toLogIndex(3), 1000);
    expect(read).toThrow(expect.objectContaining({ code: "RAFT_WAL_DAMAGED" }));
    await wal.close();
  });
});
