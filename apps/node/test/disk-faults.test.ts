import type { ProcessTable } from "@titan/bitcask";
import { FakeMachine, MemoryFileSystem } from "@titan/bitcask/testing";
import { createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { expect, test } from "vitest";
import { type ProcessIo, runCommand } from "../src/command.js";
import { startNode } from "../src/index.js";
import { nodePorts } from "../src/store-ports.js";
import { failureOf } from "./support/rich-error.js";
import { bytes, connect, type TestClient } from "./support/test-node.js";

/** Runs `body` with a node whose disk is `fileSystem`. */
async function withDisk(
  fileSystem: MemoryFileSystem,
  body: (client: TestClient & { node: Awaited<ReturnType<typeof startNode>> }) => Promise<void>,
  processes: ProcessTable = nodePorts().processes,
): Promise<void> {
  const node = await startNode({
    ...{ grpcAddr: "127.0.0.1:0", dataDir: "/data", shutdownTimeout: "2s" },
    ports: { fileSystem, processes },
  });
  const client = connect(node.address);
  try {
    await body({ ...client, node });
  } finally {
    client.channel.close();
    await node.close().catch(() => undefined);
  }
}

/** A process that hears no signal and prints nothing. */
const silentIo: ProcessIo = {
  environment: {},
  stdout: { write: () => true },
  stderr: { write: () => true },
  onSignal: () => undefined,
  onParentGone: () => undefined,
  tellParent: () => undefined,
  exit: (code) => {
    throw new Error(`exit ${code}`);
  },
};
const key = bytes("k");
const value = bytes("v");

test("acknowledged writes survive a power cut, revisions go on growing", async () => {
  const disk = new MemoryFileSystem();
  let after = disk;
  let last = 0;
  const machine = new FakeMachine();
  const write = async ({ kv }: TestClient) => {
    last = (await kv.put({ key, value })).revision;
    after = disk.crash();
  };
  await withDisk(disk, write, machine.start(1));
  machine.kill(1);
  const check = async ({ kv }: TestClient) => {
    expect(await kv.get({ key })).toMatchObject({ found: true, revision: last });
    expect((await kv.put({ key, value })).revision).toBeGreaterThan(last);
  };
  await withDisk(after, check, machine.start(2));
});

test("after a failed sync nothing is acknowledged any more, and the node says that it is over", async () => {
  const disk = new MemoryFileSystem();
  await withDisk(disk, async ({ kv, channel, node }) => {
    await kv.put({ key, value });
    disk.faults.add({ kind: "sync", fault: { type: "error", code: "EIO" } });
    expect(await failureOf(kv.put({ key, value: bytes("2") }))).toMatchObject({
      ...{ status: "UNAVAILABLE", reason: "STORE_FAILED" },
      metadata: { outcome: "unknown" },
    });
    // Later syncs of this disk would succeed, but nobody asks for one.
    expect(await failureOf(kv.put({ key, value: bytes("3") }))).toMatchObject({
      ...{ reason: "STORE_FAILED", metadata: { outcome: "not-applied" } },
    });
    expect(await failureOf(kv.get({ key }))).toMatchObject({ reason: "STORE_FAILED" });
    const health = createClient(HealthDefinition, channel);
    expect(await health.check({ service: "titan.v1.KvService" })).toEqual({ status: 2 });
    expect(await node.storeFailed).toMatchObject({ code: "NODE_STORE_FAILED" });
  });
});

test("a full disk refuses writes with a retry hint, reads go on, and space heals it", async () => {
  const disk = new MemoryFileSystem();
  await withDisk(disk, async ({ kv }) => {
    await kv.put({ key, value });
    const reasonOfPut = async (): Promise<string> => {
      const call = kv.put({ key: bytes("other"), value });
      return call.then(
        () => "",
        async () => (await failureOf(call)).reason,
      );
    };
    disk.capacityBytes = 0;
    // Log and stores have some room reserved: until it is noticed that no more is left, small writes go on.
    await expect.poll(reasonOfPut).toBe("DISK_FULL");
    expect(await failureOf(kv.put({ key, value: bytes("2") }))).toMatchObject({
      ...{ status: "RESOURCE_EXHAUSTED", reason: "DISK_FULL", retryMs: 5000 },
      metadata: { outcome: "not-applied" },
    });
    expect(Buffer.from((await kv.get({ key })).value).toString()).toBe("v");
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await expect.poll(reasonOfPut).toBe("");
    await kv.put({ key, value: bytes("3") });
    expect(Buffer.from((await kv.get({ key })).value).toString()).toBe("3");
  });
});

test("a damaged record is named, and the others are served", async () => {
  const disk = new MemoryFileSystem();
  await withDisk(disk, async ({ kv }) => {
    const damaged = Buffer.from("the damaged value");
    await kv.put({ key: bytes("bad"), value: damaged });
    await kv.put({ key, value });
    for (const path of disk.paths()) {
      const handle = await disk.open(path, "read");
      const content = Buffer.alloc(await handle.size());
      await handle.read(content, 0);
      await handle.close();
      const at = content.indexOf(damaged);
      if (at >= 0) disk.flipBit(path, at, 0);
    }
    expect(await failureOf(kv.get({ key: bytes("bad") }))).toMatchObject({
      ...{ status: "DATA_LOSS", reason: "CORRUPT" },
      metadata: { file: expect.stringMatching(/^[^/]+$/), offset: expect.stringMatching(/^\d+$/) },
    });
    expect(await kv.get({ key })).toMatchObject({ found: true });
  });
});

test("a failed read is told as such, and the next one may succeed", async () => {
  const disk = new MemoryFileSystem();
  await withDisk(disk, async ({ kv }) => {
    await kv.put({ key, value });
    disk.faults.add({ kind: "read", fault: { type: "error", code: "EIO" } });
    expect(await failureOf(kv.get({ key }))).toMatchObject({
      ...{ status: "UNAVAILABLE", reason: "READ_FAILED", retryMs: 1000 },
    });
    expect(await kv.get({ key })).toMatchObject({ found: true });
  });
});

test("the command ends with 8 when the disk fails while serving", async () => {
  const fileSystem = new MemoryFileSystem();
  let listening: (address: string) => void = () => undefined;
  const address = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const io: ProcessIo = {
    ...silentIo,
    tellParent: (message) => listening((message as { address: string }).address),
  };
  const args = ["--grpc-addr", "127.0.0.1:0", "--data-dir", "/data"];
  const ended = runCommand(args, io, { ...nodePorts(), fileSystem });
  const { kv, channel } = connect(await address);
  fileSystem.faults.add({ kind: "sync", fault: { type: "error", code: "EIO" } });
  expect(await failureOf(kv.put({ key, value }))).toMatchObject({ reason: "STORE_FAILED" });
  channel.close();
  expect(await ended).toBe(8);
});
