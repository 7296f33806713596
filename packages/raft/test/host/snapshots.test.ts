import { afterEach, describe, expect, test } from "vitest";
import { parseMemberChanges } from "../../src/core/config-change.js";
import { Pace } from "../../src/host/snapshot/pace.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, DiskJournalMachine, JournalMachine } from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

function change(words: string) {
  return { transition: "auto" as const, changes: parseMemberChanges(words) };
}

describe("snapshots", () => {
  const compaction = { everyEntries: 10, keepEntries: 2 };

  test("a member that fell behind the log is sent a snapshot, and goes on from there", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    await world.startGroup(3, (id) => machines[id - 1]!, { options: { compaction } });
    const leader = await world.leader();
    const late = [1, 2, 3].find((id) => id !== leader.status().id)!;
    world.network.isolate(late, [1, 2, 3]);
    for (let at = 0; at < 50; at += 1) await world.settled(leader.propose(bytes(`w${at}`)));
    expect(leader.status().firstIndex).toBeGreaterThan(10);
    world.network.heal();
    await world.until(() => machines[late - 1]!.lines.length === 50);
    expect(machines[late - 1]!.restores).toBe(1);
    await world.settled(leader.propose(bytes("and on")));
    await world.until(() => machines[late - 1]!.lines.length === 51);
    expect(machines[late - 1]!.lines).toEqual(machines[leader.status().id - 1]!.lines);
  });

  test("the same with state machines on disk", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new DiskJournalMachine());
    await world.startGroup(3, (id) => machines[id - 1]!, { options: { compaction } });
    const leader = await world.leader();
    const late = [1, 2, 3].find((id) => id !== leader.status().id)!;
    world.network.isolate(late, [1, 2, 3]);
    for (let at = 0; at < 50; at += 1) await world.settled(leader.propose(bytes(`w${at}`)));
    world.network.heal();
    await world.until(() => machines[late - 1]!.lines.length === 50);
    expect(machines[late - 1]!.restores).toBe(1);
    await world.settled(leader.propose(bytes("and on")));
    await world.until(() => machines[late - 1]!.lines.length === 51);
  });

  test.each(["in-memory", "on-disk"] as const)(
    "a host that restarts begins with its snapshot and applies only what follows (%s)",
    async (kind) => {
      world = new HostWorld();
      const disk = { lines: [], index: 0 };
      const make = () =>
        kind === "in-memory" ? new JournalMachine() : new DiskJournalMachine(disk);
      const options = { options: { compaction }, founders: { voters: [1] } };
      await world.start(1);
      const group = await world.open(1, make(), options);
      await world.until(() => group.role === "leader");
      for (let at = 0; at < 25; at += 1) await world.settled(group.propose(bytes(`w${at}`)));
      await world.run(100);
      const files = await world.kill(1);
      await world.start(1, files);
      const machine = make();
      const again = await world.open(1, machine, options);
      await world.until(() => again.role === "leader");
      await world.settled(again.readIndex());
      expect(machine.lines).toEqual(Array.from({ length: 25 }, (_, at) => `w${at}`));
      expect(machine.given.length).toBeLessThan(12);
    },
  );

  test("a newcomer to a group whose log begins with its founding needs no file", async () => {
    world = new HostWorld();
    const machines = new Map([1, 2, 3, 4].map((id) => [id, new JournalMachine()]));
    await world.startGroup(3, (id) => machines.get(id)!);
    const leader = await world.leader();
    await world.settled(leader.propose(bytes("one")));
    await world.start(4);
    await world.open(4, machines.get(4)!);
    await world.settled(leader.changeConfig(change("l4")));
    await world.until(() => machines.get(4)!.lines.length === 1);
    expect(machines.get(4)!.restores).toBeLessThanOrEqual(1);
  });

  test("a newcomer to a group that has had no command gets the state of one on disk, too", async () => {
    world = new HostWorld();
    await world.startGroup(3, () => new DiskJournalMachine());
    const leader = await world.leader();
    await world.start(4);
    const joined = await world.open(4, new DiskJournalMachine());
    await world.settled(leader.changeConfig(change("l4")));
    await world.until(() => joined.status().config.learners.length === 1);
  });

  test("so it does when the last entries opened sessions, which are no matter of the state machine", async () => {
    world = new HostWorld();
    await world.startGroup(3, () => new DiskJournalMachine());
    const leader = await world.leader();
    await world.settled(leader.propose(bytes("one")));
    await world.start(4);
    const joined = await world.open(4, new DiskJournalMachine());
    await world.settled(leader.openSession());
    await world.settled(leader.changeConfig(change("l4")));
    await world.until(() => joined.status().config.learners.length === 1);
  });

  test("a stream that breaks off is tried again, and leaves no file behind", async () => {
    const failures: number[] = [];
    world = new HostWorld({
      host: { observer: { onSnapshotFailed: (group) => failures.push(group) } },
    });
    const machines = [1, 2, 3].map(() => new JournalMachine());
    await world.startGroup(3, (id) => machines[id - 1]!, { options: { compaction } });
    const leader = await world.leader();
    const { id } = leader.status();
    const late = [1, 2, 3].find((other) => other !== id)!;
    world.network.isolate(late, [1, 2, 3]);
    for (let at = 0; at < 50; at += 1) await world.settled(leader.propose(bytes(`w${at}`)));
    world.network.heal();
    world.network.breaksStreams = true;
    await world.until(() => failures.length >= 2);
    expect(machines[late - 1]!.lines).toEqual([]);
    world.network.breaksStreams = false;
    await world.until(() => machines[late - 1]!.lines.length === 50);
    await world.run(100);
    const left = await world.machine(late).fileSystem.list("/data/snapshots");
    expect(left).toHaveLength(1);
  });

  test.each(["in-memory", "on-disk"] as const)(
    "a transfer that is cut again and again goes on where it stopped (%s)",
    async (kind) => {
      world = new HostWorld({ wal: { segmentBytes: 4 * 1024 * 1024 } });
      const make = () => (kind === "in-memory" ? new JournalMachine() : new DiskJournalMachine());
      const machines = [1, 2, 3].map(make);
      await world.startGroup(3, (id) => machines[id - 1]!, { options: { compaction } });
      const leader = await world.leader();
      const late = [1, 2, 3].find((id) => id !== leader.status().id)!;
      world.network.isolate(late, [1, 2, 3]);
      const block = "x".repeat(200_000);
      for (let at = 0; at < 25; at += 1) {
        await world.settled(leader.propose(bytes(`${at}${block}`)));
      }
      world.network.heal();
      world.network.chunksPerStream = 3;
      await world.until(() => machines[late - 1]!.lines.length === 25, 60_000);
      expect(machines[late - 1]!.restores).toBe(1);
      // 4 to 5 MB in pieces of 256 KiB, of which three get through at a time, and a fourth is lost.
      expect(world.network.streamBytes).toBeLessThan(1.4 * 25 * block.length);
      await world.run(200);
      for (const id of [leader.status().id, late]) {
        const left = await world.machine(id).fileSystem.list("/data/snapshots");
        expect(left.length).toBeLessThanOrEqual(1);
      }
    },
  );

  test("a member catches up by a snapshot although the log is cut again and again meanwhile", async () => {
    world = new HostWorld({ host: { maxSnapshotBytesPerSecond: 500_000 } });
    const machines = [1, 2, 3].map(() => new JournalMachine());
    const often = { everyEntries: 40, keepEntries: 10 };
    await world.startGroup(3, (id) => machines[id - 1]!, { options: { compaction: often } });
    const leader = await world.leader();
    const late = [1, 2, 3].find((id) => id !== leader.status().id)!;
    world.network.isolate(late, [1, 2, 3]);
    // A megabyte, which takes two seconds, and four times as long as it takes to cut the log anew.
    const block = bytes("x".repeat(200_000));
    for (let at = 0; at < 5; at += 1) await world.settled(leader.propose(block));
    for (let at = 0; at < 60; at += 1) await world.settled(leader.propose(bytes(`w${at}`)));
    world.network.heal();
    let count = 65;
    const isLevel = () => machines[late - 1]!.lines.length >= count - 5;
    for (; !isLevel() && count < 800; count += 1) {
      void leader.propose(bytes("more")).catch(() => undefined);
      await world.run(10);
    }
    expect(isLevel()).toBe(true);
    expect(machines[late - 1]!.restores).toBe(1);
    const kept = () => leader.status().lastIndex - leader.status().firstIndex;
    for (let at = 0; at < 45; at += 1) await world.settled(leader.propose(bytes("last")));
    await world.until(() => kept() < 100);
  });

  test("transfers are held to their pace, all together", async () => {
    world = new HostWorld();
    const pace = new Pace(world.clock, 1000);
    const done: number[] = [];
    for (let at = 0; at < 5; at += 1) {
      void pace.take(100).then(() => done.push(world.clock.monotonicMs()));
    }
    await world.run(1000);
    expect(done).toEqual([1, 100, 200, 300, 400]);
  });
});
