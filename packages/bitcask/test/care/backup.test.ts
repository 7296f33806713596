/** A backup comes back whole, or not at all. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { Bitcask, isBitcaskError, restore, verify } from "../../src/index.js";
import { MemoryDisk, SeededRandom, seedFrom } from "../../src/testing/index.js";
import { Bench } from "../behaviour/bench-store.js";
import { crashImages, failEach } from "./crashes.js";
import { contentsOf, DIRECTORY, portsOver, read, SAMPLE_OPTIONS, sampleStore } from "./stores.js";

const TARGET = "/restored";

async function backupOf(disk: MemoryDisk): Promise<Buffer> {
  const { ports } = portsOver(disk.clone());
  const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
  const chunks: Uint8Array[] = [];
  for await (const chunk of db.backup()) chunks.push(chunk);
  await db.close();
  return Buffer.concat(chunks);
}

function* slices(bytes: Buffer, random: SeededRandom): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = random.nextInt(200);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe("backup and restore", () => {
  test("give the same store, however the stream is cut into chunks", async () => {
    const disk = await sampleStore();
    const backup = await backupOf(disk);
    const seed = seedFrom(process.env, 7);
    const { fileSystem, ports } = portsOver(new MemoryDisk());
    const report = await restore(slices(backup, new SeededRandom(seed)), TARGET, { ports });
    expect(report.files).toBeGreaterThan(2);
    const after = fileSystem.snapshot().crash([]);
    expect(await read(after, TARGET), `TITAN_SEED=${seed}`).toEqual(await read(disk));
    expect((await verify(TARGET, { ports })).damages).toEqual([]);
    expect(fileSystem.openHandleCount).toBe(0);
    const db = await Bitcask.open(TARGET, { ...SAMPLE_OPTIONS, ports });
    await db.put("new", "write");
    await db.merge();
    expect(db.has("new")).toBe(true);
    await db.close();
  });

  test("show the store as of the first chunk while writes and merges go on", async () => {
    const { ports, fileSystem } = portsOver(await sampleStore());
    const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    const expected = await contentsOf(db);
    const chunks: Uint8Array[] = [];
    let round = 0;
    for await (const chunk of db.backup()) {
      chunks.push(chunk);
      round += 1;
      for (let n = 0; n < 10; n += 1) await db.put(`key-${n}`, `${round} ${"x".repeat(60)}`);
      await db.merge();
    }
    await db.close();
    expect(round).toBeGreaterThan(5);
    await restore(chunks, TARGET, { ports });
    expect(await read(fileSystem.snapshot(), TARGET)).toEqual(expected);
    expect(fileSystem.openHandleCount).toBe(0);
  });

  test("large records are cut into frames and put together again", async () => {
    const { ports, fileSystem } = portsOver(new MemoryDisk());
    const db = await Bitcask.open(DIRECTORY, { ports });
    const value = Buffer.alloc(3 * 1024 * 1024 + 17, "0123456789");
    await db.put("small", "1");
    await db.put("large", value);
    await db.put("after", "2");
    const sizes: number[] = [];
    const stream = async function* () {
      for await (const chunk of db.backup()) {
        sizes.push(chunk.length);
        yield chunk;
      }
    };
    await restore(stream(), TARGET, { ports });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024 + 8);
    await db.close();
    expect((await read(fileSystem.snapshot(), TARGET)).get("large")).toBe(value.toString());
  });

  test("a stream that is cut, longer, or has any flipped bit is refused and leaves nothing", async () => {
    const backup = await backupOf(await sampleStore());
    const refuse = async (bytes: Buffer, where: string) => {
      const { ports, fileSystem } = portsOver(new MemoryDisk());
      const error = await restore([bytes], TARGET, { ports }).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      const codes = ["BITCASK_BACKUP_DAMAGED", "BITCASK_NEWER_FORMAT"];
      expect(isBitcaskError(error) && codes.includes(error.code), where).toBe(true);
      expect(fileSystem.paths(), where).toEqual([]);
      expect(fileSystem.openHandleCount, where).toBe(0);
    };
    for (let at = 0; at < backup.length; at += 1) {
      const flipped = Buffer.from(backup);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      await refuse(flipped, `flipped at ${at}`);
      if (at % 7 === 0) await refuse(backup.subarray(0, at), `cut at ${at}`);
    }
    await refuse(Buffer.concat([backup, Buffer.of(0)]), "longer");
    await refuse(Buffer.concat([backup, backup]), "twice");
    process.stdout.write(`backup: ${backup.length} flips refused\n`);
  }, 60_000);

  test("a restore crashed at any change of the disk is complete or refused", async () => {
    const disk = await sampleStore();
    const expected = await read(disk);
    const backup = await backupOf(disk);
    let complete = 0;
    const images = await crashImages(new MemoryDisk(), async ({ ports }) => {
      await restore([backup], TARGET, { ports });
    });
    for (const { image, where, isDone } of images) {
      try {
        expect(await read(image, TARGET), where).toEqual(expected);
        complete += 1;
      } catch (error) {
        if (!isBitcaskError(error)) throw error;
        expect(["BITCASK_NOT_FOUND", "BITCASK_INCOMPLETE_COPY"], where).toContain(error.code);
        expect(isDone, where).toBe(false);
      }
    }
    process.stdout.write(`restore: ${images.length} crash images, ${complete} complete\n`);
    expect(complete).toBeGreaterThan(0);
    expect(images.length).toBeGreaterThan(100);
  }, 60_000);

  test("a restore that fails at any operation says so and leaves no store", async () => {
    const disk = await sampleStore();
    const backup = await backupOf(disk);
    const operations = await failEach(
      new MemoryDisk(),
      async ({ ports }) => {
        await restore([backup], TARGET, { ports });
      },
      async (image, outcome, where) => {
        expect(outcome === undefined || isBitcaskError(outcome), where).toBe(true);
        const found = await read(image, TARGET).catch((error: unknown) => error);
        if (outcome === undefined) expect(found, where).toEqual(await read(disk));
        else if (found instanceof Map) expect(found, where).toEqual(await read(disk));
        else {
          const codes = ["BITCASK_NOT_FOUND", "BITCASK_INCOMPLETE_COPY"];
          expect(codes, where).toContain((found as { code: string }).code);
        }
      },
    );
    expect(operations).toBeGreaterThan(20);
  }, 60_000);

  test("a damaged record ends a backup with an error that names it", async () => {
    const disk = await sampleStore();
    const path = disk.paths().find((name) => name.endsWith(".data")) ?? "";
    const { ports, fileSystem } = portsOver(disk);
    const db = await Bitcask.open(DIRECTORY, { ...SAMPLE_OPTIONS, ports });
    fileSystem.flipBit(path, disk.file(path).size - 1, 0);
    const drain = async () => {
      for await (const chunk of db.backup()) expect(chunk.length).toBeGreaterThan(0);
    };
    await expect(drain()).rejects.toMatchObject({ code: "BITCASK_CORRUPT", file: path });
    await db.close();
    expect(fileSystem.openHandleCount).toBe(0);
  });

  test("refuse a target that is not empty, and a source that fails", async () => {
    const disk = await sampleStore();
    const backup = await backupOf(disk);
    const { ports, fileSystem } = portsOver(disk);
    await expect(restore([backup], DIRECTORY, { ports })).rejects.toMatchObject({
      code: "BITCASK_TARGET_NOT_EMPTY",
    });
    const broken = (async function* () {
      yield backup.subarray(0, 500);
      throw new Error("the network went away");
    })();
    await expect(restore(broken, TARGET, { ports })).rejects.toMatchObject({
      code: "BITCASK_READ_FAILED",
    });
    expect(await fileSystem.stat(TARGET)).toBeUndefined();
  });

  test("work with files and Node streams on a real disk", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bitcask-backup-"));
    try {
      const db = await Bitcask.open(join(folder, "store"), {
        sync: "never",
        dataFileMaxBytes: 4096,
      });
      for (let n = 0; n < 300; n += 1) await db.put(`key-${n}`, "b".repeat(100));
      await pipeline(Readable.from(db.backup()), createWriteStream(join(folder, "file")));
      await db.close();
      await restore(createReadStream(join(folder, "file")), join(folder, "again"));
      const again = await Bitcask.open(join(folder, "again"), { createIfMissing: false });
      expect((await contentsOf(again)).size).toBe(300);
      await again.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test("closing does not wait for a backup that was abandoned in the middle of a file", async () => {
  const bench = new Bench();
  const db = await bench.open();
  for (let index = 0; index < 3; index++) await db.put(`k${index}`, new Uint8Array(800_000));
  const backup = db.backup();
  // The header, the file's description, the first piece of its records.
  for (let index = 0; index < 3; index++) expect((await backup.next()).done).toBe(false);
  await db.close();
  await expect(backup.next()).rejects.toMatchObject({ code: "BITCASK_CLOSED" });
});
