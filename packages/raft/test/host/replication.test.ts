import { afterEach, describe, expect, test } from "vitest";
import { HostWorld } from "./support/host-world.js";
import { bytes, DiskJournalMachine, JournalMachine, text } from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

describe("three hosts", () => {
  test("replicate a command, and answer with what the state machine said", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    const applied = await world.settled(leader.propose(bytes("one")));
    expect(text(applied.result)).toBe("1");
    await world.run(200);
    for (const machine of machines) expect(machine.lines).toEqual(["one"]);
  });

  test("a follower refuses a proposal and names the leader; nothing is applied", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    const groups = await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    const follower = groups.find((group) => group !== leader)!;
    await expect(world.settled(follower.propose(bytes("no")))).rejects.toMatchObject({
      code: "RAFT_NOT_LEADER",
      outcome: "not-applied",
      leader: leader.status().id,
    });
    expect(machines.flatMap(({ lines }) => lines)).toEqual([]);
  });

  test("a read at a follower sees what was acknowledged before", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    const groups = await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    for (const follower of groups.filter((group) => group !== leader)) {
      await world.settled(leader.propose(bytes("line")));
      const { lines } = machines[follower.status().id - 1]!;
      const before = machines[leader.status().id - 1]!.lines.length;
      await world.settled(follower.readIndex());
      expect(lines.length).toBe(before);
    }
  });

  test("a thousand concurrent proposals are applied once each, in the same order", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    machines[1]!.isSlow = true;
    await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    const words = Array.from({ length: 1000 }, (_, at) => `w${at}`);
    const applied = await world.settled(
      Promise.all(words.map((word) => leader.propose(bytes(word)))),
    );
    expect(new Set(applied.map(({ index }) => index)).size).toBe(1000);
    await world.run(300);
    for (const { lines } of machines) expect(lines).toEqual(words);
  });

  test("on disk: the state machine is given each command once", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new DiskJournalMachine());
    await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    for (const word of ["a", "b", "c"]) await world.settled(leader.propose(bytes(word)));
    await world.run(200);
    for (const { lines } of machines) expect(lines).toEqual(["a", "b", "c"]);
  });
});

test("a group of one commits by itself", async () => {
  world = new HostWorld();
  const machine = new JournalMachine();
  await world.startGroup(1, () => machine);
  const leader = await world.leader();
  await world.settled(leader.propose(bytes("alone")));
  await world.settled(leader.readIndex());
  expect(machine.lines).toEqual(["alone"]);
});

test("entries larger than the log's batches are refused when the group is opened", async () => {
  world = new HostWorld();
  await world.start(1);
  const opening = world.open(1, new JournalMachine(), {
    founders: { voters: [1] },
    options: { maxEntryBytes: 1024 * 1024 },
  });
  await expect(opening).rejects.toThrow(/maxEntryBytes 1048576/);
});

test("many entries that together are larger than the log's batches are written in several", async () => {
  world = new HostWorld();
  const machines = [1, 2, 3].map(() => new JournalMachine());
  await world.startGroup(3, (id) => machines[id - 1]!);
  const leader = await world.leader();
  const { maxBatchBytes } = world.machine(1).wal;
  const word = "x".repeat(maxBatchBytes / 4);
  const all = Array.from({ length: 20 }, () => leader.propose(bytes(word)));
  await world.settled(Promise.all(all));
  await world.run(300);
  for (const { lines } of machines) expect(lines).toHaveLength(20);
});
