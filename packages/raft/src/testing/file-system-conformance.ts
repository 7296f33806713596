/**
 * What every implementation of the {@link FileSystem} port has to do, as far as it can be seen without
 * cutting the power:
 *
 *     fileSystemConformance({ test, open: async () => ({ fileSystem, root, close: async () => {} }) });
 */

import assert from "node:assert/strict";
import type { FileSystem } from "../wal/ports.js";
import {
  assertCode,
  bytesOf,
  type FileSystemCase,
  type RegisterTest,
  readText,
  textOf,
  writeText,
} from "./conformance-case.js";
import { fileHandleCases } from "./file-handle-conformance.js";

/** A file system to examine. */
export interface FileSystemSubject {
  readonly fileSystem: FileSystem;
  /** Path of an existing, empty directory. */
  readonly root: string;
  /** Cleans up. */
  close(): Promise<void>;
}

const opening: readonly FileSystemCase[] = [
  {
    title: "join puts a separator between segments and keeps their order",
    body: async (fs, root) => {
      await fs.makeDirectory(fs.join(root, "a", "b"));
      assert.deepEqual(await fs.list(fs.join(root, "a")), ["b"]);
      assert.equal(fs.join(root, "a", ".."), fs.join(root));
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
    title: "read and read-write fail with ENOENT where nothing is, and create nothing",
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
    title: "read-write opens a file as it is",
    body: async (fs, root) => {
      const path = fs.join(root, "file");
      await writeText(fs, path, "kept");
      const handle = await fs.open(path, "read-write");
      await handle.write(bytesOf("K"), 0);
      await handle.close();
      assert.equal(await readText(fs, path), "Kept");
    },
  },
];

const looking: readonly FileSystemCase[] = [
  {
    title: "stat tells files from directories, gives sizes, and undefined for nothing",
    body: async (fs, root) => {
      await writeText(fs, fs.join(root, "file"), "12345");
      const file = await fs.stat(fs.join(root, "file"));
      assert.deepEqual([file?.kind, file?.size], ["file", 5]);
      assert.equal((await fs.stat(root))?.kind, "directory");
      assert.equal(await fs.stat(fs.join(root, "missing")), undefined);
      assert.equal(await fs.stat(fs.join(root, "missing", "deeper")), undefined);
    },
  },
  {
    title: "list gives names, not paths, of files and directories alike, and not of what is deeper",
    body: async (fs, root) => {
      await writeText(fs, fs.join(root, "file"), "");
      await fs.makeDirectory(fs.join(root, "directory", "deeper"));
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
      const file = fs.join(root, "file");
      await writeText(fs, file, "");
      await assertCode("EEXIST", async () => fs.makeDirectory(file));
      const below = fs.join(file, "below");
      await assertCode(/^(ENOTDIR|EEXIST)$/, async () => fs.makeDirectory(below));
    },
  },
  {
    title: "syncDirectory accepts a directory and fails with ENOENT where there is none",
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
    },
  },
  {
    title: "link gives a second name to the same bytes, and fails with EEXIST when it is taken",
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
    title: "an open handle goes on after its name is taken away",
    body: async (fs, root) => {
      const path = fs.join(root, "file");
      await writeText(fs, path, "one");
      const handle = await fs.open(path, "read");
      await fs.unlink(path);
      assert.deepEqual(await fs.list(root), []);
      assert.equal(await textOf(handle), "one");
      await handle.close();
    },
  },
  {
    title: "an open handle follows its file through a rename, and not another of its old name",
    body: async (fs, root) => {
      const [path, moved] = [fs.join(root, "path"), fs.join(root, "moved")];
      await writeText(fs, path, "old");
      const handle = await fs.open(path, "read");
      await fs.rename(path, moved);
      await writeText(fs, path, "new");
      assert.equal(await textOf(handle), "old");
      await handle.close();
    },
  },
];

/** Registers the suite, one test per requirement, each with a fresh subject. */
export function fileSystemConformance(suite: {
  readonly test: RegisterTest;
  readonly open: () => Promise<FileSystemSubject>;
}): void {
  for (const { title, body } of [...opening, ...looking, ...naming, ...fileHandleCases]) {
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
