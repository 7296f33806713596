import { execFileSync } from "node:child_process";
import { appendFile, mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { refusalOf } from "./support/rich-error.js";
import { withSpawnedNode } from "./support/spawned-node.js";
import { bytes, connect, withDirectory } from "./support/test-node.js";

/** Mounts a file system of 768 MiB; `undefined`, with the reason printed, where that is not allowed. */
async function mountSmallDisk(directory: string): Promise<string | undefined> {
  const mountPoint = join(directory, "small");
  await mkdir(mountPoint);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=768m", "tmpfs", mountPoint], {
      stdio: "pipe",
    });
    return mountPoint;
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown";
    process.stdout.write(`cannot mount a tmpfs here: ${why}\n`);
    return undefined;
  }
}

test("on a disk that is really full, writes are refused, reads go on, and space heals it", (context) =>
  withDirectory(async (directory) => {
    const disk = await mountSmallDisk(directory);
    if (disk === undefined) return context.skip("mounting a tmpfs is not allowed here");
    try {
      const args = ["--data-dir", join(disk, "data"), "--shards", "2"];
      await withSpawnedNode(args, async ({ child, listening, ended }) => {
        const { kv, channel } = connect(await listening);
        const first = { key: bytes("first"), value: bytes("v") };
        await kv.put(first);
        const ballast = join(disk, "ballast");
        // First little room, which the node sees after a moment, then none at all.
        const { bavail, bsize } = await statfs(disk);
        await writeFile(ballast, Buffer.alloc(bavail * bsize - 100_000_000));
        const put = async () => {
          const failure = await refusalOf(kv.put(first));
          return failure && [failure.reason, failure.metadata["outcome"]];
        };
        await expect.poll(put).toEqual(["DISK_FULL", "not-applied"]);
        await appendFile(ballast, Buffer.alloc(200_000_000)).catch(() => undefined);
        expect((await statfs(disk)).bavail).toBe(0);
        expect(await put()).toEqual(["DISK_FULL", "not-applied"]);
        expect(await kv.get({ key: bytes("first") })).toMatchObject({ found: true });
        await rm(ballast);
        await expect.poll(put).toBeUndefined();
        await kv.put({ key: bytes("after"), value: Buffer.alloc(100_000) });
        channel.close();
        child.kill("SIGTERM");
        expect(await ended).toMatchObject({ code: 0 });
      });
      await withSpawnedNode(args, async ({ listening }) => {
        const { kv, channel } = connect(await listening);
        expect(await kv.get({ key: bytes("after") })).toMatchObject({ found: true });
        channel.close();
      });
    } finally {
      execFileSync("umount", [disk]);
    }
  }));
