import { afterEach, describe, expect, test } from "vitest";
import { HostWorld } from "./support/host-world.js";
import {
  bytes,
  DiskJournalMachine,
  type JournalDisk,
  JournalMachine,
} from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

const VOTERS = [1, 2, 3];
const FOUNDERS = { founders: { voters: VOTERS } };

async function threeJournals() {
  const machines = new Map(VOTERS.map((id) => [id, new JournalMachine()]));
  await world.startGroup(3, (id) => machines.get(id)!);
  return machines;
}

describe("power cuts", () => {
  test("what was acknowledged survives the crash of the leader", async () => {
    world = new HostWorld();
    const machines = await threeJournals();
    const leader = await world.leader();
    await world.settled(leader.propose(bytes("kept")));
    await world.kill(leader.status().id);
    const next = await world.leader();
    expect(next.status().id).not.toBe(leader.status().id);
    await world.settled(next.readIndex());
    expect(machines.get(next.status().id)!.lines).toEqual(["kept"]);
  });

  test("what was acknowledged survives the crash of all hosts at once", async () => {
    world = new HostWorld();
    await threeJournals();
    const leader = await world.leader();
    for (const word of ["a", "b", "c"]) await world.settled(leader.propose(bytes(word)));
    const disks = [];
    for (const id of VOTERS) disks.push(await world.kill(id));
    const machines = VOTERS.map(() => new JournalMachine());
    for (const id of VOTERS) {
      await world.start(id, disks[id - 1]);
      await world.open(id, machines[id - 1]!, FOUNDERS);
    }
    const next = await world.leader();
    await world.settled(next.readIndex());
    expect(machines[next.status().id - 1]!.lines).toEqual(["a", "b", "c"]);
  });

  test("a host that restarts catches up, and its old term and vote are remembered", async () => {
    world = new HostWorld();
    await threeJournals();
    const leader = await world.leader();
    const victim = VOTERS.find((id) => id !== leader.status().id)!;
    await world.settled(leader.propose(bytes("before")));
    await world.run(200);
    const before = world.host(victim).group(1)!.status();
    const disk = await world.kill(victim);
    await world.settled(leader.propose(bytes("while away")));
    const machine = new JournalMachine();
    await world.start(victim, disk);
    const group = await world.open(victim, machine, FOUNDERS);
    expect(group.status().term).toBe(before.term);
    expect(group.status().vote).toBe(before.vote);
    await world.until(() => machine.lines.length === 2);
    expect(machine.lines).toEqual(["before", "while away"]);
  });

  test("a state machine on disk that lost its last commands is given those again, and no others", async () => {
    world = new HostWorld();
    const disks: JournalDisk[] = VOTERS.map(() => ({ lines: [], index: 0 }));
    const machines = disks.map((disk) => new DiskJournalMachine(disk));
    await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    for (const word of ["a", "b"]) await world.settled(leader.propose(bytes(word)));
    await world.run(200);
    const victim = VOTERS.find((id) => id !== leader.status().id)!;
    await machines[victim - 1]!.sync();
    const held = machines[victim - 1]!.index;
    await world.settled(leader.propose(bytes("lost")));
    await world.run(200);
    const disk = await world.kill(victim);
    const machine = new DiskJournalMachine(disks[victim - 1]);
    await world.start(victim, disk);
    await world.open(victim, machine, FOUNDERS);
    await world.until(() => machine.lines.length === 3);
    expect(machine.lines).toEqual(["a", "b", "lost"]);
    expect(machine.given.every((index) => index > held)).toBe(true);
  });

  test("a state machine that is ahead of its log is refused", async () => {
    world = new HostWorld();
    await world.start(1);
    const machine = new DiskJournalMachine({ lines: ["from", "elsewhere"], index: 7 });
    await expect(world.open(1, machine, { founders: { voters: [1] } })).rejects.toMatchObject({
      code: "RAFT_HOST_STATE_MISMATCH",
      outcome: "not-applied",
    });
  });

  test("a member that comes back without its disk stops rather than lie", async () => {
    const failures: [number, string][] = [];
    world = new HostWorld({
      host: {
        observer: {
          onGroupFailed: (group, error) => failures.push([group, (error as { code: string }).code]),
        },
      },
    });
    await threeJournals();
    const leader = await world.leader();
    const victim = VOTERS.find((id) => id !== leader.status().id)!;
    for (const word of ["a", "b", "c"]) await world.settled(leader.propose(bytes(word)));
    await world.run(500);
    await world.kill(victim);
    failures.length = 0;
    await world.start(victim);
    const group = await world.open(victim, new JournalMachine(), FOUNDERS);
    await world.run(1000);
    expect(failures).toEqual([[1, "RAFT_INVARIANT"]]);
    await expect(group.readIndex()).rejects.toMatchObject({
      code: "RAFT_HOST_STATE_LOST",
      message: expect.stringContaining("a node id never used before"),
    });
    // The others do not care.
    await world.settled(leader.propose(bytes("d")));
  });
});

describe("partitions", () => {
  test("a leader in the minority commits nothing, and its proposals turn out not applied", async () => {
    world = new HostWorld();
    const machines = await threeJournals();
    const old = await world.leader();
    world.network.isolate(old.status().id, VOTERS);
    const doomed = old.propose(bytes("doomed"), { timeoutMs: 60_000 });
    const outcome = expect(doomed).rejects.toMatchObject({
      code: "RAFT_HOST_SUPERSEDED",
      outcome: "not-applied",
    });
    await world.until(() => old.role !== "leader");
    const next = await world.leader();
    await world.settled(next.propose(bytes("kept")));
    world.network.heal();
    await world.until(() => machines.get(old.status().id)!.lines.length > 0);
    await outcome;
    await world.run(500);
    for (const { lines } of machines.values()) expect(lines).toEqual(["kept"]);
  });

  test("a proposal of which nothing is heard in its time has an unknown outcome", async () => {
    world = new HostWorld();
    await threeJournals();
    const leader = await world.leader();
    world.network.isolate(leader.status().id, VOTERS);
    await expect(
      world.settled(leader.propose(bytes("?"), { timeoutMs: 300 })),
    ).rejects.toMatchObject({ code: "RAFT_HOST_TIMEOUT", outcome: "unknown" });
  });

  test("a proposal whose place a snapshot has taken has an unknown outcome, told at once", async () => {
    world = new HostWorld();
    const machines = new Map(VOTERS.map((id) => [id, new JournalMachine()]));
    const options = { compaction: { everyEntries: 5, keepEntries: 0 } };
    await world.startGroup(3, (id) => machines.get(id)!, { options });
    const old = await world.leader();
    world.network.isolate(old.status().id, VOTERS);
    const lost = expect(old.propose(bytes("?"), { timeoutMs: 1_000_000 })).rejects.toMatchObject({
      code: "RAFT_HOST_LOST_SIGHT",
      outcome: "unknown",
    });
    await world.until(() => old.role !== "leader");
    const next = await world.leader();
    for (let at = 0; at < 20; at += 1) await world.settled(next.propose(bytes(`w${at}`)));
    world.network.heal();
    await world.until(() => machines.get(old.status().id)!.lines.length === 20);
    await lost;
  });

  test("a leader in the minority answers no read", async () => {
    world = new HostWorld();
    await threeJournals();
    const leader = await world.leader();
    world.network.isolate(leader.status().id, VOTERS);
    await expect(world.settled(leader.readIndex({ timeoutMs: 5000 }))).rejects.toMatchObject({
      outcome: "not-applied",
    });
  });

  test("reads whose messages are lost are asked again", async () => {
    world = new HostWorld();
    await threeJournals();
    const leader = await world.leader();
    const follower = world.host(VOTERS.find((id) => id !== leader.status().id)!).group(1)!;
    let lost = 0;
    world.network.loses = (from) => from === follower.status().id && lost++ < 1;
    await world.settled(follower.readIndex());
    expect(lost).toBeGreaterThan(1);
  });
});

describe("a log that fails", () => {
  test("stops all groups of the host with unknown outcomes; the others go on", async () => {
    const logFailures: unknown[] = [];
    world = new HostWorld({
      host: { observer: { onLogFailed: (error) => logFailures.push(error) } },
    });
    await threeJournals();
    const leader = await world.leader();
    const { id } = leader.status();
    const { fileSystem } = world.machine(id);
    fileSystem.faults.add({ kind: "sync", fault: { type: "error", code: "EIO" } });
    const lost = leader.propose(bytes("?"));
    await expect(world.settled(lost)).rejects.toMatchObject({ outcome: "unknown" });
    expect(logFailures).toHaveLength(1);
    expect(world.host(id).status()).toMatchObject({ hasFailed: true, failedGroups: 1 });
    await expect(leader.propose(bytes("no"))).rejects.toMatchObject({
      code: "RAFT_HOST_LOG_FAILED",
      outcome: "not-applied",
    });
    const next = await world.leader();
    await world.settled(next.propose(bytes("goes on")));
  });
});
