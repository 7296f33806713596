import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NodeFileSystem } from "./node-file-system.js";

const fileSystem = new NodeFileSystem();

// Node's own recursive mkdir spins for ever there (seen with 20.20).
test.runIf(process.platform === "linux")(
  "a directory that cannot be made is an error",
  async () => {
    await expect(fileSystem.makeDirectory("/proc/nowhere/below")).rejects.toMatchObject({
      code: "ENOENT",
    });
  },
);

test("directories are made with all above them, also by several at once, and not over a file", async () => {
  const root = await mkdtemp(join(tmpdir(), "titan-directories-"));
  try {
    const path = join(root, "a", "b", "c");
    await Promise.all([path, path, join(path, "d")].map((each) => fileSystem.makeDirectory(each)));
    expect(await fileSystem.stat(join(path, "d"))).toMatchObject({ kind: "directory" });
    await writeFile(join(root, "file"), "");
    const over = fileSystem.makeDirectory(join(root, "file"));
    await expect(over).rejects.toMatchObject({ code: "EEXIST" });
    const below = fileSystem.makeDirectory(join(root, "file", "below"));
    await expect(below).rejects.toMatchObject({ code: "ENOTDIR" });
  } finally {
    await rm(root, { recursive: true });
  }
});
