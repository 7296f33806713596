import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GroupInit } from "../../src/host/group/open-group.js";
import type { RaftGroup } from "../../src/host/raft-group.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

const compaction = { everyEntries: 5, keepEntries: 0 };
const init: Partial<GroupInit> = { founders: { voters: [1] }, options: { compaction } };
/** Another snapshot would hide that one is missing. */
const uncut: Partial<GroupInit> = { founders: { voters: [1] } };
const DELAY_MS = 20;

describe("a group that is closed while its log is being cut, and opened again", () => {
  let world = new HostWorld();
  let group: RaftGroup;
  const delays = { count: 0 };

  beforeEach(async () => {
    world = new HostWorld();
    delays.count = 0;
    await world.start(1);
    group = await world.open(1, new JournalMachine(), init);
    await world.leader();
  });

  afterEach(async () => {
    await world.close();
  });

  function delay(): Promise<void> {
    delays.count += 1;
    return new Promise((resolve) => world.clock.schedule(DELAY_MS, resolve));
  }

  async function commandsUntilDelayed(): Promise<number> {
    let count = 0;
    while (delays.count === 0) {
      await world.settled(group.propose(bytes(`w${count}`)));
      await world.run(2);
      count += 1;
    }
    return count;
  }

  async function expectAllAfterRestart(count: number): Promise<void> {
    await world.settled(world.host(1).closeGroup(1));
    await world.open(1, new JournalMachine(), uncut);
    await world.run(5 * DELAY_MS);
    // A power cut could bring back what was removed.
    await world.settled(world.machine(1).fileSystem.syncDirectory("/data/snapshots"));
    await world.start(1, await world.kill(1));
    const machine = new JournalMachine();
    group = await world.open(1, machine, uncut);
    await world.leader();
    await world.settled(group.propose(bytes("last")));
    expect(machine.lines).toHaveLength(count + 1);
  }

  test("keeps the snapshot whose file was being made durable", async () => {
    const { fileSystem } = world.machine(1);
    const sync = fileSystem.syncDirectory.bind(fileSystem);
    fileSystem.syncDirectory = async (directory) => {
      if (directory === "/data/snapshots") await delay();
      await sync(directory);
    };
    await expectAllAfterRestart(await commandsUntilDelayed());
  });

  test("keeps the snapshot that was on its way into the log", async () => {
    const { wal } = world.machine(1);
    const append = wal.append.bind(wal);
    wal.append = async (updates, options) => {
      if (updates.some((update) => "saveSnapshot" in update)) await delay();
      return append(updates, options);
    };
    await expectAllAfterRestart(await commandsUntilDelayed());
  });
});
