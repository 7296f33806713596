/**
 * What every implementation of the {@link FileSystem} port has to do. The suite asserts with
 * `node:assert` and takes the test runner's `test`, so it runs under any runner:
 *
 * ```ts
 * fileSystemConformance({ test, open: async () => ({ fileSystem, root, close: async () => {} }) });
 * ```
 */
import assert from "node:assert/strict";
import type { FileSystem } from "../ports.js";
import {
  assertCode,
  type FileSystemCase,
  type RegisterTest,
  readText,
  writeText,
} from "./conformance-case.js";
import { fileHandleCases } from "./file-handle-conformance.js";

/** A file system to examine, with an empty directory of its own. */
export interface FileSystemSubject {
  readonly fileSystem: FileSystem;
  /** Path of an existing, empty directory. */
  readonly root: string;
  /** Cleans up. */
  close(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const opening: readonly FileSystemCase[] = [
  {
    title: "join puts a separator between segments and keeps the order",
    body: async (fs, root) => {
      await fs.makeDirectory(fs.join(root, "a", "b"));
      assert.deepEqual(await fs.list(fs.join(fs.join(root, "a"))), ["b"]);
    },
  },
  {
    title: "create-exclusive makes an empty file, and fails with EEXIST when the name is taken",
    body: async (fs, root) => {
      const path = fs.join(root, "file");
      const handle = await fs.open(path, "create-exclusive");
      assert.equal(await handle.size(), 0);
      await handle.close();
      await assertCode("EEXIST", async () => fs.open(path, "create-exclusive"));
      await assertCode("EEXIST", async () => fs.openSync(path, "create-exclusive"));
    },
  },
  {
    title: "read and read-write fail with ENOENT when nothing is there, and create nothing",
    body: async (fs, root) => {
      const path = fs.join(root, "missing");
      await assertCode("ENOENT", async () => fs.open(path, "read"));
      await assertCode("ENOENT", async () => fs.open(path, "read-write"));
      await assertCode("ENOENT", async () => fs.openSync(path, "read"));
      assert.deepEqual(await fs.list(root), []);
    },
  },
  {
    title: "create-exclusive in a missing directory fails with ENOENT",
    body: async (fs, root) => {
      const path = fs.join(root, "missing", "file");
      await assertCode("ENOENT", async () => fs.open(path, "create-exclusive"));
    },
  },
  {
    title: "read-write opens an existing file without cutting it",
    body: async (fs, root) => {
      const path = fs.join(root, "file");
      await writeText(fs, path, "kept");
      const handle = await fs.open(path, "read-write");
      await handle.write(encoder.encode("K"), 0);
      await handle.close();
      assert.equal(await readText(fs, path), "Kept");
    },
  },
];

const looking: readonly FileSystemCase[] = [
  {
    title: "stat tells files from directories, gives sizes, and undefined for nothing",
    body: async (fs, root) => {
      const path = fs.join(root, "file");
      await writeText(fs, path, "12345");
      const file = await fs.stat(path);
      assert.deepEqual([file?.kind, file?.size], ["file", 5]);
      assert.equal((await fs.stat(root))?.kind, "directory");
      assert.equal(await fs.stat(fs.join(root, "missing")), undefined);
      assert.equal(await fs.stat(fs.join(root, "missing", "deeper")), undefined);
    },
  },
  {
    title: "stat gives two files two inodes, and two names of one file the same",
    body: async (fs, root) => {
      const [one, two, alias] = ["one", "two", "alias"].map((name) => fs.join(root, name));
      assert.ok(one !== undefined && two !== undefined && alias !== undefined);
      await writeText(fs, one, "1");
      await writeText(fs, two, "2");
      await fs.link(one, alias);
      const inode = (await fs.stat(one))?.inode;
      assert.notEqual(inode, (await fs.stat(two))?.inode);
      assert.equal(inode, (await fs.stat(alias))?.inode);
    },
  },
  {
    title: "list gives names, not paths, of files and directories alike",
    body: async (fs, root) => {
      await writeText(fs, fs.join(root, "file"), "");
      await fs.makeDirectory(fs.join(root, "directory"));
      assert.deepEqual([...(await fs.list(root))].sort(), ["directory", "file"]);
    },
  },
  {
    title: "list of a missing directory fails with ENOENT, of a file with ENOTDIR",
    body: async (fs, root) => {
      await assertCode("ENOENT", async () => fs.list(fs.join(root, "missing")));
      await writeText(fs, fs.join(root, "file"), "");
      await assertCode("ENOTDIR", async () => fs.list(fs.join(root, "file")));
    },
  },
  {
    title: "freeBytes gives a number that is not negative",
    body: async (fs, root) => {
      assert.ok((await fs.freeBytes(root)) >= 0);
    },
  },
];

const directories: readonly FileSystemCase[] = [
  {
    title: "makeDirectory makes missing parents and does nothing when it exists",
    body: async (fs, root) => {
      const path = fs.join(root, "a", "b", "c");
      await fs.makeDirectory(path);
      await fs.makeDirectory(path);
      assert.equal((await fs.stat(path))?.kind, "directory");
    },
  },
  {
    title: "makeDirectory fails with EEXIST or ENOTDIR when a file is in the way",
    body: async (fs, root) => {
      await writeText(fs, fs.join(root, "file"), "");
      await assertCode("EEXIST", async () => fs.makeDirectory(fs.join(root, "file")));
      await assertCode(/^(ENOTDIR|EEXIST)$/, async () =>
        fs.makeDirectory(fs.join(root, "file", "below")),
      );
    },
  },
  {
    title: "removeDirectory removes an empty one and refuses one with entries",
    body: async (fs, root) => {
      const path = fs.join(root, "directory");
      await fs.makeDirectory(path);
      await writeText(fs, fs.join(path, "file"), "");
      await assertCode(/^(ENOTEMPTY|EEXIST)$/, async () => fs.removeDirectory(path));
      await fs.unlink(fs.join(path, "file"));
      await fs.removeDirectory(path);
      assert.equal(await fs.stat(path), undefined);
    },
  },
  {
    title: "syncDirectory accepts a directory and fails with ENOENT when there is none",
    body: async (fs, root) => {
      await writeText(fs, fs.join(root, "file"), "");
      await fs.syncDirectory(root);
      await assertCode("ENOENT", async () => fs.syncDirectory(fs.join(root, "missing")));
    },
  },
];

const naming: readonly FileSystemCase[] = [
  {
    title: "rename moves a file over whatever had the name",
    body: async (fs, root) => {
      await writeText(fs, fs.join(root, "new"), "new");
      await writeText(fs, fs.join(root, "old"), "old");
      await fs.rename(fs.join(root, "new"), fs.join(root, "old"));
      assert.deepEqual(await fs.list(root), ["old"]);
      assert.equal(await readText(fs, fs.join(root, "old")), "new");
    },
  },
  {
    title: "rename, link and unlink of a missing file fail with ENOENT",
    body: async (fs, root) => {
      const [missing, other] = [fs.join(root, "missing"), fs.join(root, "other")];
      await assertCode("ENOENT", async () => fs.rename(missing, other));
      await assertCode("ENOENT", async () => fs.link(missing, other));
      await assertCode("ENOENT", async () => fs.unlink(missing));
      await assertCode("ENOENT", async () => fs.unlinkSync(missing));
    },
  },
  {
    title: "link gives a second name to the same bytes and refuses a taken one with EEXIST",
    body: async (fs, root) => {
      const [file, alias] = [fs.join(root, "file"), fs.join(root, "alias")];
      await writeText(fs, file, "shared");
      await fs.link(file, alias);
      await assertCode("EEXIST", async () => fs.link(file, alias));
      await fs.unlink(file);
      assert.equal(await readText(fs, alias), "shared");
    },
  },
  {
    title: "unlink and unlinkSync take a name away; an open handle goes on reading",
    body: async (fs, root) => {
      const [first, second] = [fs.join(root, "first"), fs.join(root, "second")];
      await writeText(fs, first, "one");
      await writeText(fs, second, "two");
      const handle = await fs.open(first, "read");
      await fs.unlink(first);
      fs.unlinkSync(second);
      assert.deepEqual(await fs.list(root), []);
      const bytes = new Uint8Array(3);
      assert.equal(await handle.read(bytes, 0), 3);
      assert.equal(decoder.decode(bytes), "one");
      await handle.close();
    },
  },
  {
    title: "an open handle follows its file through a rename, and is not touched by a new one",
    body: async (fs, root) => {
      const [path, moved] = [fs.join(root, "path"), fs.join(root, "moved")];
      await writeText(fs, path, "old");
      const handle = await fs.open(path, "read");
      await fs.rename(path, moved);
      await writeText(fs, path, "new");
      const bytes = new Uint8Array(3);
      await handle.read(bytes, 0);
      assert.equal(decoder.decode(bytes), "old");
      await handle.close();
    },
  },
];

/** Registers the suite, one test per requirement, each with a fresh subject. */
export function fileSystemConformance(suite: {
  readonly test: RegisterTest;
  readonly open: () => Promise<FileSystemSubject>;
}): void {
  for (const { title, body } of [
    ...opening,
    ...looking,
    ...directories,
    ...naming,
    ...fileHandleCases,
  ]) {
    suite.test(title, async () => {
      const subject = await suite.open();
      try {
        await body(subject.fileSystem, subject.root);
      } finally {
        await subject.close();
      }
    });
  }
}
