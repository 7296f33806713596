import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NodeFileSystem } from "./node-file-system.js";

// Node's own recursive mkdir spins for ever there (seen with 20.20).
test.runIf(process.platform === "linux")(
  "a directory that cannot be made is an error",
  async () => {
    const making = new NodeFileSystem().makeDirectory("/proc/nowhere/below");
    await expect(making).rejects.toMatchObject({ code: "ENOENT" });
  },
);

test("directories are made with all above them, and not over a file", async () => {
  const fileSystem = new NodeFileSystem();
  const root = await mkdtemp(join(tmpdir(), "titan-directories-"));
  try {
    const path = join(root, "a", "b");
    await Promise.all([path, path].map((each) => fileSystem.makeDirectory(each)));
    expect(await fileSystem.stat(path)).toMatchObject({ kind: "directory" });
    await writeFile(join(root, "file"), "");
    const over = fileSystem.makeDirectory(join(root, "file"));
    await expect(over).rejects.toMatchObject({ code: "EEXIST" });
  } finally {
    await rm(root, { recursive: true });
  }
});
