import { execFileSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { failureOf } from "./support/rich-error.js";
import { withSpawnedNode } from "./support/spawned-node.js";
import { bytes, connect, withDirectory } from "./support/test-node.js";

/** Mounts a file system of 160 MiB; `undefined`, with the reason printed, where that is not allowed. */
async function mountSmallDisk(directory: string): Promise<string | undefined> {
  const mountPoint = join(directory, "small");
  await mkdir(mountPoint);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=160m", "tmpfs", mountPoint], {
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
      await writeFile(join(disk, "ballast"), Buffer.alloc(20_000_000));
      const limits = ["--shards", "1", "--min-free-bytes", "64MiB"];
      const args = ["--data-dir", join(disk, "data"), ...limits];
      await withSpawnedNode(args, async ({ child, listening, ended }) => {
        const { kv, channel } = connect(await listening);
        await kv.put({ key: bytes("first"), value: bytes("v") });
        const fill = async () => {
          for (let i = 0; i < 1600; i += 1) {
            await kv.put({ key: bytes(`k${i}`), value: Buffer.alloc(100_000) });
          }
        };
        expect(await failureOf(fill())).toMatchObject({
          ...{ status: "RESOURCE_EXHAUSTED", reason: "DISK_FULL" },
          metadata: { outcome: "not-applied" },
        });
        expect(await kv.get({ key: bytes("first") })).toMatchObject({ found: true });
        await rm(join(disk, "ballast"));
        const after = () =>
          kv.put({ key: bytes("after"), value: Buffer.alloc(100_000) }).then(
            () => "put",
            () => "refused",
          );
        await expect.poll(after).toBe("put");
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
