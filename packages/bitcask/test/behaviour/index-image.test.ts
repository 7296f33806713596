/** The image of the index that closing leaves, so that the next open need not build it. */
import { setImmediate as turnOfEventLoop } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import type { BatchOperation } from "../../src/index.js";
import { decodeManifest } from "../../src/manifest.js";
import type { InternalOptions } from "../../src/options.js";
import { type OperationKind, SeededRandom } from "../../src/testing/index.js";
import { Bench, text } from "./bench-store.js";
import { closedStore, IMAGE, keyOf, onOwnDisk, options, shown } from "./imaged-store.js";

test("a store that was closed shows the same again, reads no hint and no record, and goes on", async () => {
  const { bench, seen } = await onOwnDisk();
  expect(bench.names()).toContain(IMAGE);
  const reads: string[] = [];
  bench.fileSystem.onOperation = ({ kind, path }) => {
    if (kind === "open" && path.endsWith(".hint")) reads.push(path);
  };
  const progress: number[] = [];
  const again = await bench.open({
    ...options,
    onOpenProgress: ({ loadedBytes, totalBytes }) => progress.push(loadedBytes / totalBytes),
  });
  expect(again.stats().open).toMatchObject({
    recordsScanned: 0,
    ignoredHints: [],
    foreignFiles: [],
  });
  expect(reads).toEqual([]);
  expect(progress.at(-1)).toBe(1);
  expect([...progress].sort((a, b) => a - b)).toEqual(progress);
  expect(shown(again)).toEqual(seen);
  expect(bench.names()).toContain(IMAGE);
  await again.put(keyOf(7), "changed");
  // Of no use from here on, and large.
  await turnOfEventLoop();
  expect(bench.names()).not.toContain(IMAGE);
  await again.put("a fresh key", "1");
  await again.delete(keyOf(8));
  await again.merge();
  const later = shown(again);
  await again.close();
  const third = await bench.open(options);
  expect(third.stats().open.recordsScanned).toBe(0);
  expect(shown(third)).toEqual(later);
  expect(text(third.getSync(keyOf(7)))).toBe("changed");
  await third.close();
});

test("a reader uses the image, and leaves it", async () => {
  const { bench, seen } = await onOwnDisk();
  const reader = await bench.open({ ...options, readOnly: true });
  expect(reader.stats().open).toMatchObject({ recordsScanned: 0, ignoredHints: [] });
  expect(shown(reader)).toEqual(seen);
  await reader.close();
  expect(bench.names()).toContain(IMAGE);
});

test("after a crash hints and records count, also beside an image of an earlier closing", async () => {
  const { bench } = await onOwnDisk();
  const image = await bench.read(IMAGE);
  const db = await bench.open(options);
  await db.put(keyOf(1), "after the image");
  bench.kill();
  // As if its removal had been lost.
  await bench.write(IMAGE, image);
  const again = await bench.open(options);
  expect(text(again.getSync(keyOf(1)))).toBe("after the image");
  // That is how a crash leaves it: no damage to be reported.
  expect(again.stats().open.ignoredHints).toEqual([]);
  expect(again.stats().open.recordsScanned + again.stats().open.hintEntriesLoaded).toBeGreaterThan(
    again.stats().keys,
  );
  await again.close();
});

test("an image beside other files is not used, whatever its generation says", async () => {
  const { bench, seen, active } = await onOwnDisk();
  const path = `${String(active).padStart(10, "0")}.data`;
  const bytes = await bench.read(path);
  await bench.write(path, Buffer.concat([bytes, Buffer.from("a torn tail")]));
  const db = await bench.open(options);
  expect(db.stats().open.ignoredHints).toMatchObject([{ reason: "made beside other files" }]);
  expect(db.stats().open.tornTail).toMatchObject({ bytes: 11 });
  expect(shown(db)).toEqual(seen);
  await db.close();
});

test("an image that knows of bytes which the manifest does not is not used", async () => {
  const { bench, seen, active } = await onOwnDisk();
  const path = `${String(active).padStart(10, "0")}.data`;
  const bytes = await bench.read(path);
  await bench.write(path, Buffer.concat([bytes, Buffer.alloc(26)]));
  const image = await bench.read(IMAGE);
  await bench.write(IMAGE, withFileSize(image, { from: bytes.length, to: bytes.length + 26 }));
  const db = await bench.open(options);
  expect(db.stats().open.ignoredHints).toMatchObject([{ reason: "made beside other files" }]);
  expect(shown(db)).toEqual(seen);
  await db.close();
});

/** The image, sound, with another size for the file that has the size `from`. */
function withFileSize(image: Buffer, { from, to }: { from: number; to: number }): Buffer {
  const bytes = Buffer.from(image);
  const contents = bytes.subarray(Number(bytes.readBigUInt64LE(40)));
  let at = 8;
  while (contents.readDoubleLE(at + 8) !== from) at += 6 * 8;
  contents.writeDoubleLE(to, at + 8);
  bytes.writeUInt32LE(crc32(contents), 56);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

test("a store without a key can have an image, too", async () => {
  const bench = new Bench();
  const always: InternalOptions = { minImagedKeys: 0 };
  const db = await bench.open(always);
  await db.close();
  expect(bench.names()).toContain(IMAGE);
  const again = await bench.open(always);
  expect(again.stats().open).toMatchObject({ recordsScanned: 0, ignoredHints: [] });
  await again.put("first", "1");
  await again.close();
  const later = await bench.open(always);
  expect(text(later.getSync("first"))).toBe("1");
  await later.close();
});

test("nothing is written behind the clean end, however long its record takes", async () => {
  const bench = new Bench();
  const always: InternalOptions = { minImagedKeys: 0 };
  const db = await bench.open(always);
  await db.put("short-lived", "1", { ttlMs: 10 });
  bench.clock.advance(20);
  const delay = (kind: "write" | "create", path: RegExp, milliseconds: number): void => {
    bench.fileSystem.faults.add({ kind, path, fault: { type: "delay", milliseconds } });
  };
  delay("write", /data$/, 5);
  delay("create", /manifest/, 2000);
  // The write keeps the delete waiting, so that the expiry is judged when closing has begun.
  const ended = Promise.all([
    db.put("large", Buffer.alloc(2 * 1024 * 1024)),
    db.delete("short-lived"),
    db.close(),
  ]);
  for (const milliseconds of [5, 0, 1500, 1000]) {
    for (let turn = 0; turn < 20; turn += 1) await turnOfEventLoop();
    bench.clock.advance(milliseconds);
  }
  await ended;
  expect(bench.clock.timerCount).toBe(0);
  const { files } = decodeManifest(await bench.read("manifest"), "manifest");
  for (const { id, durableBytes } of files) {
    const data = await bench.read(`${String(id).padStart(10, "0")}.data`);
    expect(data.length).toBe(durableBytes);
  }
  expect(bench.names()).toContain(IMAGE);
  const again = await bench.open(always);
  expect(again.stats().open).toMatchObject({ ignoredHints: [], tornTail: undefined });
  expect(again.has("short-lived")).toBe(false);
  await again.close();
});

test("damage anywhere in the image costs time and nothing else", async () => {
  const { bench, seen } = await onOwnDisk();
  const image = await bench.read(IMAGE);
  const random = new SeededRandom(3);
  const places = [0, 9, 13, 20, 33, 41, 49, 57, 61, 64, image.length - 1];
  for (let extra = 0; extra < 12; extra++) places.push(random.nextInt(image.length));
  const damaged = places.map((at) => {
    const bytes = Buffer.from(image);
    bytes[at] = (bytes[at] as number) ^ (1 << random.nextInt(8));
    return bytes;
  });
  const cut = [0, 63, 64, 5000, image.length - 1].map((size) => image.subarray(0, size));
  for (const bytes of [...damaged, ...cut]) {
    const copy = new Bench(bench.fileSystem.snapshot());
    await copy.write(IMAGE, bytes);
    const db = await copy.open({ ...options, readOnly: true });
    expect(db.stats().open.ignoredHints).toHaveLength(1);
    expect(db.stats().keys).toBe((seen as { keys: number }).keys);
    expect(text(db.getSync(keyOf(1)))).toBe("later 1");
    await db.close();
  }
});

test("an image or a hint that cannot be read keeps no store from opening", async () => {
  const { bench, seen } = await onOwnDisk();
  const unreadable = (copy: Bench, kind: OperationKind, path: RegExp, skip: number): void => {
    copy.fileSystem.faults.add({ kind, path, skip, fault: { type: "error", code: "EIO" } });
  };
  for (const name of [/image$/, /hint$/]) {
    // Of an image: its first bytes, its header, its contents, its blocks.
    for (const [kind, skip] of [
      ["stat", 0],
      ["open", 0],
      ["read", 0],
      ["read", name.source.startsWith("image") ? 3 : 1],
    ] as const) {
      const copy = new Bench(bench.fileSystem.snapshot());
      if (name.source.startsWith("hint")) await copy.fileSystem.unlink(copy.path(IMAGE));
      unreadable(copy, kind, name, skip);
      const db = await copy.open(options);
      const [ignored] = db.stats().open.ignoredHints;
      expect(ignored).toMatchObject({ file: name, reason: "it cannot be read (EIO)" });
      expect(db.stats().keys).toBe((seen as { keys: number }).keys);
      expect(text(db.getSync(keyOf(1)))).toBe("later 1");
      await db.close();
      expect(copy.fileSystem.openHandleCount).toBe(0);
    }
  }
});

test("an image whose next piece cannot be read either is given up for its first fault", async () => {
  const { bench, seen } = await onOwnDisk();
  const { faults } = bench.fileSystem;
  const read = { kind: "read", path: /image$/ } as const;
  faults.add({ ...read, skip: 3, fault: { type: "flip-read", offset: 0, bit: 0 } });
  faults.add({ ...read, skip: 3, fault: { type: "error", code: "EIO" } });
  const db = await bench.open(options);
  expect(db.stats().open.ignoredHints).toMatchObject([{ reason: "a block's checksum" }]);
  expect(db.stats().keys).toBe((seen as { keys: number }).keys);
  expect(text(db.getSync(keyOf(1)))).toBe("later 1");
  await db.close();
});

test("without a descriptor for the image the store is refused, for its files need some as well", async () => {
  const { bench } = await onOwnDisk();
  bench.fileSystem.faults.add({
    kind: "open",
    path: /image$/,
    fault: { type: "error", code: "EMFILE" },
  });
  await expect(bench.open(options)).rejects.toMatchObject({ code: "BITCASK_TOO_MANY_FILES" });
});

test("an image that cannot be written keeps no store from closing, and leaves nothing behind", async () => {
  for (const skip of [0, 1, 3]) {
    const { bench } = await onOwnDisk();
    const db = await bench.open(options);
    await db.put(keyOf(1), "later 1");
    bench.fileSystem.faults.add({
      kind: ["create", "write"],
      path: /image/,
      skip,
      fault: { type: "error", code: skip === 3 ? "EIO" : "ENOSPC" },
    });
    await db.close();
    expect(bench.names().filter((name) => name.includes("image"))).toEqual([]);
    const again = await bench.open(options);
    expect(text(again.getSync(keyOf(1)))).toBe("later 1");
    await again.close();
  }
});

test("none is written for a small store, without the option, or with the other kind of order used", async () => {
  const small = new Bench();
  const db = await small.open(options);
  await db.put("a", "1");
  await db.close();
  expect(small.names()).not.toContain(IMAGE);
  const { bench } = await onOwnDisk();
  const without = await bench.open({ ...options, indexImage: false });
  await without.close();
  expect(bench.names()).not.toContain(IMAGE);
  const { source } = await closedStore({ ordered: false });
  const ordered = await new Bench(source.snapshot()).open(options);
  expect(ordered.stats().open.ignoredHints).toMatchObject([{ reason: /ordered/ }]);
  expect([...ordered.keysSync({ limit: 1 })].map(text)).toEqual([
    "a key that does not fit a record 00005",
  ]);
  await ordered.close();
});

test("an index that may not take so much memory is refused from its image, too", async () => {
  const { bench: big } = await onOwnDisk();
  const db = await big.open({ ...options, maxKeydirBytes: 64 * 1024 * 1024 });
  for (let from = 0; from < 150_000; from += 5000) {
    await db.batch(
      Array.from({ length: 5000 }, (_, index): BatchOperation => {
        return { type: "put", key: `more ${from + index}`, value: "" };
      }),
    );
  }
  await db.close();
  await expect(big.open({ ...options, maxKeydirBytes: 4 * 1024 * 1024 })).rejects.toMatchObject({
    code: "BITCASK_INDEX_FULL",
  });
});

test("an encrypted store has an encrypted image, and takes no other", async () => {
  const encryption = { keyId: 3, key: (keyId: number) => Buffer.alloc(32, keyId) };
  const { source, seen } = await closedStore({ encryption });
  const bytes = Buffer.from(source.contents(`/data/store/${IMAGE}`));
  expect(bytes.includes("key-")).toBe(false);
  expect(bytes.includes("TITANBKI")).toBe(false);
  const bench = new Bench(source.snapshot());
  const db = await bench.open({ ...options, encryption });
  expect(db.stats().open).toMatchObject({ ignoredHints: [], recordsScanned: 0 });
  expect(shown(db)).toEqual(seen);
  await db.close();

  // With another key the image is of no use; the files are.
  const other = new Bench(source.snapshot());
  const later = await other.open({ ...options, encryption: { ...encryption, keyId: 4 } });
  expect(later.stats().open.ignoredHints).toMatchObject([{ file: `/data/store/${IMAGE}` }]);
  expect(later.stats().keys).toBe((seen as { keys: number }).keys);
  await later.close();

  // A bit that rots anywhere in it costs time, and nothing else.
  for (let offset = 0; offset < bytes.length; offset += Math.ceil(bytes.length / 40)) {
    const rotten = new Bench(source.snapshot());
    rotten.fileSystem.flipBit(`/data/store/${IMAGE}`, offset, offset % 8);
    const mended = await rotten.open({ ...options, encryption });
    expect(mended.stats().open.ignoredHints).toHaveLength(1);
    expect(mended.stats().keys).toBe((seen as { keys: number }).keys);
    await mended.close();
  }
}, 60_000);
