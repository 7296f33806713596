/**
 * A log of format version 1, written once and kept for ever: every later release must read it as it
 * was. `v1.wal` and `v1.id` are the files, `v1.txt` is what they hold. Made anew only by a format that
 * has not been released: TITAN_WRITE_GOLDEN=1.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MemoryFileSystem } from "@titan/bitcask/testing";
import { expect, test } from "vitest";
import { foundingConfig } from "../../src/core/configuration.js";
import { toLogIndex, toNodeId, toTerm } from "../../src/core/ids.js";
import { describeWal } from "./support/naive-log.js";
import { createWorld, DIRECTORY, openWal } from "./support/wal-world.js";
import { entry, entryRange, snapshotAt } from "./support/workload.js";

const NAMES = { wal: "raft-0000000001.wal", id: "raft-wal.id" } as const;

function golden(extension: string): string {
  return fileURLToPath(new URL(`golden/v1.${extension}`, import.meta.url));
}

/** Every kind of record, numbers above 2^32, a conflict, a removal. */
async function writeLog(): Promise<{ fileSystem: MemoryFileSystem; text: string }> {
  const world = createWorld(undefined, 42);
  const wal = await openWal(world);
  const big = 2 ** 40 + 5;
  const hardState = { term: toTerm(big), vote: toNodeId(2), commit: toLogIndex(1) };
  const config = foundingConfig({ voters: [1, 2, 3], learners: [4] });
  await wal.append([{ group: 1, config, hardState, entries: entryRange(1, 3) }]);
  await wal.append([{ group: 1, entries: [entry(3, big), entry(4, big, Buffer.alloc(0))] }]);
  const change = { ...entry(5, big), type: "config-change" as const };
  const single = { ...entry(6, big), type: "single-config-change" as const };
  await wal.append([{ group: 1, entries: [change, single] }]);
  await wal.append([{ group: big, installSnapshot: snapshotAt(big, big) }]);
  await wal.append([{ group: 1, saveSnapshot: snapshotAt(4, big), compactTo: toLogIndex(2) }]);
  await wal.append([{ group: 2, hardState }], { sync: false });
  await wal.append([{ group: 2, remove: true }]);
  const text = describeWal(wal);
  await wal.close();
  return { fileSystem: world.fileSystem, text };
}

test.runIf(process.env["TITAN_WRITE_GOLDEN"] === "1")("write the golden files", async () => {
  const { fileSystem, text } = await writeLog();
  writeFileSync(golden("wal"), fileSystem.contents(`${DIRECTORY}/${NAMES.wal}`));
  writeFileSync(golden("id"), fileSystem.contents(`${DIRECTORY}/${NAMES.id}`));
  writeFileSync(golden("txt"), `${text}\n`);
});

test("a log of version 1 is read as it was written", async () => {
  const fileSystem = new MemoryFileSystem();
  await fileSystem.makeDirectory(DIRECTORY);
  for (const [extension, name] of Object.entries(NAMES)) {
    const handle = await fileSystem.open(`${DIRECTORY}/${name}`, "create-exclusive");
    await handle.write(readFileSync(golden(extension)), 0);
    await handle.sync();
    await handle.close();
  }
  const wal = await openWal(createWorld(fileSystem));
  expect(`${describeWal(wal)}\n`).toBe(readFileSync(golden("txt"), "utf8"));
  await wal.append([{ group: 3, entries: entryRange(1, 2) }]);
  await wal.close();
});

test("this release writes version 1 byte for byte", async () => {
  const { fileSystem } = await writeLog();
  const written = Buffer.from(fileSystem.contents(`${DIRECTORY}/${NAMES.wal}`));
  expect(written.equals(readFileSync(golden("wal")))).toBe(true);
});
