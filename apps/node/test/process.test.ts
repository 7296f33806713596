import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Bitcask } from "@titan/bitcask";
import { expect, test } from "vitest";
import { type SpawnedNode, type SpawnOptions, withSpawnedNode } from "./support/spawned-node.js";
import { bytes, connect, withDirectory } from "./support/test-node.js";

async function endOf(args: readonly string[], options: SpawnOptions = {}) {
  return withSpawnedNode(
    args,
    async ({ ended, output }) => ({ ...(await ended), ...output() }),
    options,
  );
}

async function withClient<T>(
  address: string,
  body: (client: ReturnType<typeof connect>) => Promise<T>,
): Promise<T> {
  const client = connect(address);
  try {
    return await body(client);
  } finally {
    client.channel.close();
  }
}

test("--help, --version and --print-config print and end with 0", async () => {
  expect(await endOf(["--help"])).toMatchObject({ code: 0, stdout: /Usage: titan-node/ });
  expect(await endOf(["--version"])).toMatchObject({ code: 0, stdout: /^\d+\.\d+\.\d+\n$/ });
  const printed = await endOf(["--print-config", "--sync", "never"], {
    env: { TITAN_DATA_DIR: "/somewhere" },
  });
  expect(printed.code).toBe(0);
  expect(JSON.parse(printed.stdout)).toMatchObject({ sync: "never", dataDir: "/somewhere" });
});

test("a flag that is not understood ends with 2 and says what was meant", async () => {
  const { code, stderr } = await endOf(["--data-dri", "x"]);
  expect(code).toBe(2);
  expect(stderr).toContain('unknown flag --data-dri; did you mean "--data-dir"?');
});

test.each(["SIGTERM", "SIGINT"] as const)("%s stops it with 0, and the data stays", (signal) =>
  withDirectory(async (directory) => {
    const args = ["--data-dir", directory];
    await withSpawnedNode(args, async ({ child, listening, ended, output }) => {
      await withClient(await listening, ({ kv }) => kv.put({ key: bytes("k"), value: bytes("v") }));
      child.kill(signal);
      expect(await ended).toEqual({ code: 0, signal: null });
      expect(output().stdout).toContain('"msg":"serving"');
      expect(output().stderr).toBe("");
    });
    await withSpawnedNode(args, async ({ listening }) => {
      const found = await withClient(await listening, ({ kv }) => kv.get({ key: bytes("k") }));
      expect(found.found).toBe(true);
    });
  }),
);

/** Opens a scan that the client does not read, and so keeps a stop waiting. */
async function holdOpen({ kv }: ReturnType<typeof connect>): Promise<void> {
  for (let i = 0; i < 20; i += 1) {
    await kv.put({ key: bytes(`k${i}`), value: Buffer.alloc(1_000_000) });
  }
  await kv.scan({})[Symbol.asyncIterator]().next();
}

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("a second %s ends at once with %i", (signal, code) =>
  withDirectory((directory) => {
    const args = ["--data-dir", directory, "--shutdown-timeout", "1h"];
    return withSpawnedNode(args, async ({ child, listening, ended, output }) => {
      await withClient(await listening, async (client) => {
        await holdOpen(client);
        child.kill(signal);
        await expect.poll(() => output().stdout).toContain("stopping");
        // Again and again: one that comes right behind the first counts as the same.
        const again = setInterval(() => child.kill(signal), 50);
        expect(await ended).toEqual({ code, signal: null });
        clearInterval(again);
      });
    });
  }),
);

test("when nobody reads its log any more, it serves on and still stops cleanly", () =>
  withDirectory((directory) =>
    withSpawnedNode(["--data-dir", directory], async ({ child, listening, ended, output }) => {
      await withClient(await listening, async ({ kv }) => {
        child.stdout?.destroy();
        child.kill("SIGTERM");
        expect(await ended).toEqual({ code: 0, signal: null });
        await expect(kv.get({ key: bytes("k") })).rejects.toThrow();
      });
      expect(output().stderr).toBe("");
      const reopened = await Bitcask.open(join(directory, "shards", "0", "store-1"));
      expect(reopened.stats().open.staleLockTakenOver).toBe(false);
      await reopened.close();
    }),
  ));

test("calls under way are cut off after the shutdown timeout, and the end is still clean", () =>
  withDirectory((directory) => {
    const args = ["--data-dir", directory, "--shutdown-timeout", "200ms"];
    return withSpawnedNode(args, async ({ child, listening, ended, output }) => {
      await withClient(await listening, async (client) => {
        await holdOpen(client);
        child.kill("SIGTERM");
        expect(await ended).toEqual({ code: 0, signal: null });
        expect(output().stdout).toContain("calls were cut off");
      });
    });
  }));

test("when the parent that listens is gone, it stops", () =>
  withDirectory((directory) =>
    withSpawnedNode(["--data-dir", directory], async ({ child, listening, ended }) => {
      await listening;
      child.disconnect();
      expect(await ended).toEqual({ code: 0, signal: null });
    }),
  ));

test("a directory in use ends with 3 and names the holder; the holder goes on", () =>
  withDirectory((directory) => {
    const args = ["--data-dir", directory];
    return withSpawnedNode(args, async (holder: SpawnedNode) => {
      const address = await holder.listening;
      const second = await endOf(args);
      expect(second.code).toBe(3);
      expect(second.stderr).toContain(String(holder.child.pid));
      expect(second.stderr).toContain("--data-dir");
      await withClient(address, ({ kv }) => kv.put({ key: bytes("k") }));
    });
  }));

test("an address in use ends with 7 and says so, and lets go of the data", () =>
  withDirectory((directory) =>
    withSpawnedNode(["--data-dir", join(directory, "a")], async ({ listening }) => {
      const second = ["--data-dir", join(directory, "b")];
      const address = await listening;
      const { code, stdout, stderr } = await endOf([...second, "--grpc-addr", address]);
      expect(code).toBe(7);
      expect(stderr).toBe(
        `titan-node: cannot listen on ${address}: listen EADDRINUSE: address already in use ` +
          `${address}; another server runs there: stop it, or choose another address with --grpc-addr\n`,
      );
      expect(JSON.parse(stdout)).toMatchObject({ level: "error", code: "NODE_ADDRESS" });
      const pretty = await endOf([...second, "--grpc-addr", address, "--log-format", "pretty"]);
      expect({ ...pretty }).toMatchObject({ code: 7, stdout: "", stderr });
      await withSpawnedNode(second, async (third) => {
        expect(await third.listening).not.toBe(address);
      });
    }),
  ));

test("a directory that may not be written ends with 6 and says what to do", () =>
  withDirectory(async (directory) => {
    const readOnly = join(directory, "read-only");
    await chmod(directory, 0o755);
    await mkdir(readOnly);
    await chmod(readOnly, 0o555);
    // Root may write anywhere, so as root the server runs as nobody.
    const options = process.getuid?.() === 0 ? { uid: 65_534 } : {};
    const { code, stderr } = await endOf(["--data-dir", readOnly], options);
    expect({ code, stderr }).toMatchObject({ code: 6, stderr: expect.stringContaining(readOnly) });
    expect(stderr).toContain("--data-dir");
  }));

test("a data directory that is a file ends with a message, not a stack", () =>
  withDirectory(async (directory) => {
    const file = join(directory, "file");
    await writeFile(file, "");
    const { code, stderr } = await endOf(["--data-dir", file]);
    expect(code).toBe(6);
    expect(stderr).toContain("ENOTDIR");
    expect(stderr).toContain("choose another --data-dir");
    expect(stderr).not.toContain("    at ");
  }));

test("data of a newer version ends with 5 and is not touched", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "node.json");
    const content = JSON.stringify({ format: 99, nodeId: "n1", somethingNew: true });
    await writeFile(path, content);
    const { code, stderr } = await endOf(["--data-dir", directory]);
    expect(code).toBe(5);
    expect(stderr).toContain("run a newer titan-node");
    expect(await readFile(path, "utf8")).toBe(content);
  }));

test("data of the server that had one node ends with 5 and is not touched", () =>
  withDirectory(async (directory) => {
    const store = join(directory, "store");
    await (await Bitcask.open(store)).close();
    const { code, stderr } = await endOf(["--data-dir", directory]);
    expect(code).toBe(5);
    expect(stderr).toContain("version without clusters");
    expect(await readdir(directory)).toEqual(["store"]);
  }));

test.each([
  {
    ...{ what: "of a newer format", exitCode: 5, advice: "run a newer titan-node" },
    ...{ pattern: /^(TITAN-BITCASK) \d+/u, replacement: "$1 9999" },
  },
  {
    ...{ what: "that is damaged", exitCode: 4, advice: "restore the directory from a copy" },
    ...{ pattern: /storeId/u, replacement: "st0reId" },
  },
])("a shard's store $what ends a node that is alone with $exitCode", (row) =>
  withDirectory(async (directory) => {
    const { exitCode, pattern, replacement, advice } = row;
    const args = ["--data-dir", directory];
    await withSpawnedNode(args, async ({ child, listening, ended }) => {
      await listening;
      child.kill("SIGTERM");
      await ended;
    });
    const path = join(directory, "shards", "0", "store-1", "manifest");
    const changed = (await readFile(path, "utf8")).replace(pattern, replacement);
    await writeFile(path, changed);
    const { code, stderr } = await endOf(args);
    expect({ code, stderr }).toMatchObject({
      code: exitCode,
      stderr: expect.stringContaining(advice),
    });
    expect(stderr).toContain(join(directory, "shards", "0"));
    expect(await readFile(path, "utf8")).toBe(changed);
  }),
);

test("a node keeps its id, and refuses another's", () =>
  withDirectory(async (directory) => {
    const args = ["--data-dir", directory];
    const idOf = (more: readonly string[]) =>
      withSpawnedNode([...args, ...more], async ({ child, listening, ended }) => {
        const status = await withClient(await listening, ({ cluster }) => cluster.getStatus({}));
        child.kill("SIGTERM");
        await ended;
        return status.nodeId;
      });
    const chosen = await idOf([]);
    expect(chosen).toMatch(/^node-[0-9a-f]{8}$/);
    expect(await idOf([])).toBe(chosen);
    const { code, stderr } = await endOf([...args, "--node-id", "other"]);
    expect(code).toBe(2);
    expect(stderr).toContain(`belongs to node "${chosen}"`);
  }));
