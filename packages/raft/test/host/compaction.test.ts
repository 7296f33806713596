/** When a group's state may be kept as a snapshot of the point that it has reached. */

import { MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import { expect, test } from "vitest";
import { type ConfigState, foundingConfig } from "../../src/core/configuration.js";
import { toLogIndex, toTerm } from "../../src/core/ids.js";
import { MemoryStorage } from "../../src/core/memory-storage.js";
import { Compaction } from "../../src/host/group/compaction.js";
import { SessionTable } from "../../src/host/session/session-table.js";
import { SnapshotFiles } from "../../src/host/snapshot/snapshot-files.js";
import type { GroupUpdate } from "../../src/wal/group-update.js";
import { bytes, DiskJournalMachine } from "./support/journal-machine.js";

/** A group whose log ends at 20, compacted at every entry. */
async function openCompaction() {
  const machine = new DiskJournalMachine();
  await machine.apply([{ index: toLogIndex(11), term: toTerm(1), data: bytes("x") }]);
  const random = new SeededRandom(1);
  const written: GroupUpdate[] = [];
  const compaction = new Compaction({
    group: 1,
    machine,
    sessions: new SessionTable(),
    storage: new MemoryStorage(),
    files: await SnapshotFiles.open(new MemoryFileSystem(), "/snapshots", random),
    options: { everyBytes: 1, everyEntries: 1, keepEntries: 0 },
    write: ({ update }) => written.push(update),
    wake: () => undefined,
    oldestSent: () => undefined,
    onCompacted: () => undefined,
    onFailed: (error) => {
      throw error;
    },
  });
  const consider = async (config: ConfigState): Promise<void> => {
    const jobs: unknown[] = [];
    compaction.count({ index: toLogIndex(11), term: toTerm(1), type: "normal", data: bytes("x") });
    compaction.consider({
      applied: { index: toLogIndex(11), term: toTerm(1) },
      lastCommand: 11,
      config,
      core: { status: () => ({ firstIndex: toLogIndex(1), members: [] }) as never },
      runBetweenApplies: (job) => {
        jobs.push(job());
      },
      fail: (error) => {
        throw error;
      },
    });
    await Promise.all(jobs);
  };
  return { consider, written };
}

const FOUNDED = foundingConfig({ voters: [1, 2, 3] });

test("a state whose configuration is known is kept", async () => {
  const { consider, written } = await openCompaction();
  const config = { ...FOUNDED, changedAt: toLogIndex(11) };
  await consider(config);
  expect(written).toMatchObject([{ saveSnapshot: { meta: { index: 11, config } } }]);
});

// A snapshot from the leader is on its way to the state machine, and the core has its configuration already.
test("a state is not kept together with the configuration of a later point", async () => {
  const { consider, written } = await openCompaction();
  await consider({ ...FOUNDED, changedAt: toLogIndex(14) });
  expect(written).toEqual([]);
  await consider(FOUNDED);
  expect(written).toHaveLength(1);
});
