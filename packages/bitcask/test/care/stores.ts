/** Small stores in memory with everything in them that care must cope with. */
import { Bitcask, type BitcaskOptions } from "../../src/index.js";
import { type MemoryDisk, MemoryFileSystem } from "../../src/testing/index.js";
import { DIRECTORY, Machine } from "../crash/machine.js";

export { DIRECTORY } from "../crash/machine.js";

const decoder = new TextDecoder();

/** Keys of {@link sampleStore} in order of writing. */
export const SAMPLE_OPTIONS: BitcaskOptions = { dataFileMaxBytes: 512, autoMerge: false };

/** Several data files, hints, tombstones, an expiry, batches and a merge's output; closed cleanly. */
export async function sampleStore(): Promise<MemoryDisk> {
  const machine = new Machine({ options: SAMPLE_OPTIONS });
  const db = await machine.open();
  for (let round = 0; round < 3; round += 1) {
    for (let key = 0; key < 6; key += 1)
      await db.put(`key-${key}`, `value ${round} ${"v".repeat(20)}`);
  }
  await db.delete("key-1");
  await db.merge();
  await db.put("expires", "later", { expiresAtMs: 10 ** 13 });
  await db.batch([
    { type: "put", key: "batch-a", value: "1" },
    { type: "delete", key: "key-2" },
    { type: "put", key: "batch-b", value: "2" },
  ]);
  for (let key = 10; key < 20; key += 1) await db.put(`key-${key}`, "w".repeat(24));
  await db.delete("key-12");
  await db.put("last", "of all");
  await db.close();
  return machine.fileSystem.snapshot();
}

/** All that a store holds. */
export async function contentsOf(db: Bitcask): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for await (const { key, value } of db.entries()) {
    contents.set(decoder.decode(key), decoder.decode(value));
  }
  return contents;
}

/** What the store on `disk` holds, opened by a machine that has just booted. */
export async function read(disk: MemoryDisk, directory = DIRECTORY): Promise<Map<string, string>> {
  const { ports } = portsOver(disk.clone());
  const db = await Bitcask.open(directory, { ports, autoMerge: false, createIfMissing: false });
  try {
    return await contentsOf(db);
  } finally {
    await db.close();
  }
}

/** A file system over `disk` and the options to use it. */
export function portsOver(disk: MemoryDisk): {
  fileSystem: MemoryFileSystem;
  ports: NonNullable<BitcaskOptions["ports"]>;
} {
  const fileSystem = new MemoryFileSystem({}, disk);
  const self = { pid: 1, host: "test-host", startToken: `boot-${(boots += 1)}` };
  const processes = {
    self: () => self,
    isAlive: (other: { startToken: string }) =>
      other.startToken === self.startToken ? ("alive" as const) : ("dead" as const),
  };
  return { fileSystem, ports: { fileSystem, processes } };
}

let boots = 0;
