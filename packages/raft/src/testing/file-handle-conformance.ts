/** What every implementation of the {@link FileHandle} port has to do; part of the file system's suite. */

import assert from "node:assert/strict";
import type { FileHandle, FileSystem } from "../wal/ports.js";
import { assertCode, bytesOf, type FileSystemCase, textOf } from "./conformance-case.js";

type HandleBody = (handle: FileHandle, fileSystem: FileSystem, path: string) => Promise<void>;

/** A requirement of the handle of a new file. */
function onNewFile(title: string, body: HandleBody): FileSystemCase {
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

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + 7) % 251);
}

export const fileHandleCases: readonly FileSystemCase[] = [
  onNewFile("what is written is read back, by waiting and by blocking calls", async (handle) => {
    const bytes = pattern(2000);
    await handle.write(bytes.subarray(0, 700), 0);
    handle.writeSync(bytes.subarray(700), 700);
    const [waiting, blocking] = [new Uint8Array(2000), new Uint8Array(2000)];
    assert.equal(await handle.read(waiting, 0), 2000);
    assert.equal(handle.readSync(blocking, 0), 2000);
    assert.deepEqual([waiting, blocking], [bytes, bytes]);
  }),
  onNewFile("large chunks are written and read whole", async (handle) => {
    const bytes = pattern(1024 * 1024 + 17);
    await handle.write(bytes, 5);
    const found = new Uint8Array(bytes.length);
    assert.equal(await handle.read(found, 5), bytes.length);
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
  onNewFile("an empty write does nothing, be it past the end", async (handle) => {
    await handle.write(new Uint8Array(0), 100);
    handle.writeSync(new Uint8Array(0), 100);
    assert.equal(await handle.size(), 0);
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
    const expected = pattern(1500);
    await handle.write(expected, 0);
    await handle.write(new Uint8Array(100).fill(2), 500);
    expected.fill(2, 500, 600);
    const found = new Uint8Array(1500);
    await handle.read(found, 0);
    assert.deepEqual(found, expected);
  }),
  onNewFile("views into larger buffers are respected", async (handle) => {
    await handle.write(new Uint8Array([9, 9, 1, 2, 3, 9]).subarray(2, 5), 0);
    const target = new Uint8Array(7).fill(7);
    assert.equal(await handle.read(target.subarray(2, 5), 0), 3);
    assert.deepEqual([...target], [7, 7, 1, 2, 3, 7, 7]);
  }),
  onNewFile("a buffer is the caller's again once the write has answered", async (handle) => {
    const buffer = new Uint8Array(4).fill(1);
    await handle.write(buffer, 0);
    buffer.fill(2);
    handle.writeSync(buffer, 4);
    buffer.fill(3);
    const found = new Uint8Array(8);
    await handle.read(found, 0);
    assert.deepEqual([...found], [1, 1, 1, 1, 2, 2, 2, 2]);
  }),
  onNewFile("two handles of one file see each other's writes", async (handle, fs, path) => {
    const other = await fs.open(path, "read");
    await handle.write(bytesOf("shared"), 0);
    assert.equal(await textOf(other), "shared");
    await other.close();
  }),
  onNewFile("a handle that was opened for reading refuses to write", async (_, fs, path) => {
    const reader = await fs.open(path, "read");
    await assertCode(/^E/, async () => reader.write(pattern(1), 0));
    await assertCode(/^E/, async () => reader.writeSync(pattern(1), 0));
    await reader.close();
    assert.equal((await fs.stat(path))?.size, 0);
  }),
  onNewFile("sync and syncSync succeed, with and without something to do", async (handle) => {
    await handle.sync();
    await handle.write(pattern(100), 0);
    await handle.sync();
    handle.writeSync(pattern(100), 100);
    handle.syncSync();
  }),
  onNewFile("a closed handle refuses all but another close", async (handle) => {
    await handle.close();
    await handle.close();
    handle.closeSync();
    await assertCode("EBADF", async () => handle.write(pattern(1), 0));
    await assertCode("EBADF", async () => handle.read(new Uint8Array(1), 0));
    await assertCode("EBADF", async () => handle.readSync(new Uint8Array(1), 0));
    await assertCode("EBADF", async () => handle.sync());
    await assertCode("EBADF", async () => handle.size());
  }),
];
