/** What every implementation of the {@link FileHandle} port has to do; part of the file system's suite. */
import assert from "node:assert/strict";
import type { FileHandle, FileSystem } from "../ports.js";
import type { FileSystemCase } from "./conformance-case.js";

async function assertRejected(call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => error instanceof Error && "code" in error);
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + 7) % 251);
}

/** A requirement of one handle of a new file. */
function onNewFile(
  title: string,
  body: (handle: FileHandle, fileSystem: FileSystem, path: string) => Promise<void>,
): FileSystemCase {
  return {
    title,
    body: async (fileSystem, root) => {
      const path = fileSystem.join(root, "file");
      const handle = await fileSystem.open(path, "create-exclusive");
      try {
        await body(handle, fileSystem, path);
      } finally {
        await handle.close();
      }
    },
  };
}

const transfer: readonly FileSystemCase[] = [
  onNewFile("what is written is read back, in both forms mixed", async (handle) => {
    const bytes = pattern(2000);
    await handle.write(bytes.subarray(0, 700), 0);
    handle.writeSync(bytes.subarray(700), 700);
    const [asynchronous, blocking] = [new Uint8Array(2000), new Uint8Array(2000)];
    assert.equal(await handle.read(asynchronous, 0), 2000);
    assert.equal(handle.readSync(blocking, 0), 2000);
    assert.deepEqual(asynchronous, bytes);
    assert.deepEqual(blocking, bytes);
  }),
  onNewFile("large chunks are transferred whole", async (handle) => {
    const bytes = pattern(3 * 1024 * 1024 + 17);
    await handle.write(bytes, 5);
    const found = new Uint8Array(bytes.length);
    assert.equal(await handle.read(found, 5), bytes.length);
    assert.equal(Buffer.compare(found, bytes), 0);
    assert.equal(handle.readSync(found.fill(0), 5), bytes.length);
    assert.equal(Buffer.compare(found, bytes), 0);
  }),
  onNewFile("a read across the end is short, one past the end gives 0", async (handle) => {
    await handle.write(pattern(10), 0);
    const into = new Uint8Array(8).fill(255);
    assert.equal(await handle.read(into, 6), 4);
    assert.deepEqual([...into.subarray(4)], [255, 255, 255, 255]);
    assert.equal(await handle.read(into, 10), 0);
    assert.equal(handle.readSync(into, 1000), 0);
  }),
  onNewFile("a blocking read fills the part of the buffer that it is given", async (handle) => {
    await handle.write(pattern(10), 0);
    const into = new Uint8Array(8).fill(255);
    assert.equal(handle.readSync(into, 2, 3, 6), 3);
    assert.deepEqual([...into], [255, 255, 255, ...pattern(10).subarray(2, 5), 255, 255]);
    assert.equal(handle.readSync(into.fill(255), 8, 1, 7), 2);
    assert.deepEqual([...into], [255, ...pattern(10).subarray(8), 255, 255, 255, 255, 255]);
  }),
  onNewFile("an empty read and an empty write do nothing", async (handle) => {
    await handle.write(new Uint8Array(0), 100);
    handle.writeSync(new Uint8Array(0), 100);
    assert.equal(await handle.size(), 0);
    assert.equal(await handle.read(new Uint8Array(0), 0), 0);
  }),
  onNewFile("a write past the end leaves zeros between", async (handle) => {
    await handle.write(pattern(3), 0);
    await handle.write(pattern(3), 1030);
    assert.equal(await handle.size(), 1033);
    const between = new Uint8Array(1027).fill(1);
    assert.equal(await handle.read(between, 3), 1027);
    assert.ok(between.every((byte) => byte === 0));
  }),
  onNewFile("a write in the middle keeps what is around it", async (handle) => {
    await handle.write(new Uint8Array(1500).fill(1), 0);
    await handle.write(new Uint8Array(100).fill(2), 500);
    const found = new Uint8Array(1500);
    await handle.read(found, 0);
    const expected = new Uint8Array(1500).fill(1);
    expected.fill(2, 500, 600);
    assert.deepEqual(found, expected);
  }),
  onNewFile("views with an offset into a larger buffer are respected", async (handle) => {
    const outer = new Uint8Array([9, 9, 1, 2, 3, 9, 9]);
    await handle.write(outer.subarray(2, 5), 0);
    const target = new Uint8Array(7).fill(7);
    assert.equal(await handle.read(target.subarray(2, 5), 0), 3);
    assert.deepEqual([...target], [7, 7, 1, 2, 3, 7, 7]);
  }),
  onNewFile("a buffer may be reused once the write has settled", async (handle) => {
    const buffer = new Uint8Array(4).fill(1);
    await handle.write(buffer, 0);
    buffer.fill(2);
    handle.writeSync(buffer, 4);
    buffer.fill(3);
    const found = new Uint8Array(8);
    await handle.read(found, 0);
    assert.deepEqual([...found], [1, 1, 1, 1, 2, 2, 2, 2]);
  }),
  onNewFile("concurrent writes to separate places all arrive", async (handle) => {
    const places = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(
      places.map(async (place) => handle.write(new Uint8Array(50).fill(place + 1), place * 50)),
    );
    const found = new Uint8Array(1000);
    await handle.read(found, 0);
    assert.ok(found.every((byte, index) => byte === Math.floor(index / 50) + 1));
  }),
];

const shape: readonly FileSystemCase[] = [
  onNewFile("truncate cuts, and extends with zeros", async (handle) => {
    await handle.write(pattern(1200), 0);
    await handle.truncate(600);
    assert.equal(await handle.size(), 600);
    await handle.truncate(1300);
    assert.equal(await handle.size(), 1300);
    const found = new Uint8Array(1300).fill(1);
    assert.equal(await handle.read(found, 0), 1300);
    assert.deepEqual(found.subarray(0, 600), pattern(600));
    assert.ok(found.subarray(600).every((byte) => byte === 0));
  }),
  onNewFile("two handles of one file see each other's writes", async (handle, fileSystem, path) => {
    const second = await fileSystem.open(path, "read");
    await handle.write(pattern(4), 0);
    const found = new Uint8Array(4);
    assert.equal(await second.read(found, 0), 4);
    assert.deepEqual(found, pattern(4));
    await second.close();
  }),
  onNewFile("a handle opened for reading refuses to write", async (_handle, fileSystem, path) => {
    const reader = await fileSystem.open(path, "read");
    await assertRejected(async () => reader.write(pattern(1), 0));
    await assertRejected(async () => reader.writeSync(pattern(1), 0));
    await assertRejected(async () => reader.truncate(1));
    await reader.close();
    assert.equal((await fileSystem.stat(path))?.size, 0);
  }),
  onNewFile("sync and syncSync succeed, with and without something to do", async (handle) => {
    await handle.sync();
    handle.syncSync();
    await handle.write(pattern(100), 0);
    await handle.sync();
    handle.writeSync(pattern(100), 100);
    handle.syncSync();
  }),
  onNewFile("a closed handle refuses all but another close", async (handle) => {
    await handle.write(pattern(4), 0);
    await handle.close();
    await handle.close();
    handle.closeSync();
    await assertRejected(async () => handle.read(new Uint8Array(1), 0));
    await assertRejected(async () => handle.readSync(new Uint8Array(1), 0));
    await assertRejected(async () => handle.write(pattern(1), 0));
    await assertRejected(async () => handle.writeSync(pattern(1), 0));
    await assertRejected(async () => handle.sync());
    await assertRejected(async () => handle.syncSync());
    await assertRejected(async () => handle.truncate(0));
    await assertRejected(async () => handle.size());
  }),
];

/** Requirements of a handle. */
export const fileHandleCases: readonly FileSystemCase[] = [...transfer, ...shape];
