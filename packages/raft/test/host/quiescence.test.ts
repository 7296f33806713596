import { afterEach, describe, expect, test } from "vitest";
import { toNodeId } from "../../src/core/ids.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

/** Three hosts with a group that has gone to sleep. */
async function asleep() {
  world = new HostWorld();
  const machines = [1, 2, 3].map(() => new JournalMachine());
  const groups = await world.startGroup(3, (id) => machines[id - 1]!);
  const leader = await world.leader();
  await world.settled(leader.propose(bytes("before")));
  await world.until(() => sleepers() === 3);
  return { machines, groups, leader };
}

function sleepers(): number {
  let count = 0;
  for (const { host } of world.machines.values()) count += host.status().sleepingGroups;
  return count;
}

describe("an idle group", () => {
  test("goes to sleep on all members, and then nothing is sent", async () => {
    await asleep();
    let frames = 0;
    world.network.onFrame = () => {
      frames += 1;
    };
    await world.run(30_000);
    expect(frames).toBe(0);
    expect(sleepers()).toBe(3);
  });

  test("wakes for a proposal, and sleeps again", async () => {
    const { machines, leader } = await asleep();
    await world.settled(leader.propose(bytes("after")));
    await world.run(200);
    for (const { lines } of machines) expect(lines).toEqual(["before", "after"]);
    await world.until(() => sleepers() === 3);
  });

  test("wakes for a read at a follower", async () => {
    const { groups, leader } = await asleep();
    const follower = groups.find((group) => group !== leader)!;
    await world.settled(follower.readIndex());
  });

  test("whose leader dies elects another when the transport says so", async () => {
    const { leader } = await asleep();
    const { id } = leader.status();
    await world.kill(id);
    await world.run(5000);
    expect(sleepers()).toBe(2);
    for (const other of [1, 2, 3]) world.network.tellDown(other, toNodeId(id));
    const next = await world.leader();
    expect(next.status().id).not.toBe(id);
    await world.settled(next.propose(bytes("goes on")));
  });

  test("stays awake while a member that led before waits for what became of a proposal", async () => {
    world = new HostWorld();
    await world.startGroup(3, () => new JournalMachine());
    const old = await world.leader();
    const { id } = old.status();
    world.network.isolate(id, [1, 2, 3]);
    // The next leader's first entry takes the place of one; of the others nothing is known.
    const codes: string[] = [];
    for (const word of ["one", "two", "three"]) {
      old
        .propose(bytes(word), { timeoutMs: 25_000 })
        .catch(({ code }: { code: string }) => codes.push(code));
    }
    await world.run(5000);
    world.network.heal();
    await world.run(25_000);
    expect(codes).toEqual(["RAFT_HOST_SUPERSEDED", "RAFT_HOST_TIMEOUT", "RAFT_HOST_TIMEOUT"]);
    await world.until(() => sleepers() === 3);
  });

  test("one of whose members restarts wakes for it", async () => {
    const { leader } = await asleep();
    const victim = [1, 2, 3].find((id) => id !== leader.status().id)!;
    const files = await world.kill(victim);
    const machine = new JournalMachine();
    await world.start(victim, files);
    const group = await world.open(victim, machine, { founders: { voters: [1, 2, 3] } });
    await world.until(() => machine.lines.length === 1);
    expect(group.leader).toBe(leader.status().id);
  });

  test("of which a member is behind stays awake", async () => {
    world = new HostWorld();
    await world.startGroup(3, () => new JournalMachine());
    const leader = await world.leader();
    const late = [1, 2, 3].find((id) => id !== leader.status().id)!;
    world.network.isolate(late, [1, 2, 3]);
    await world.settled(leader.propose(bytes("x")));
    await world.run(20_000);
    expect(sleepers()).toBe(0);
  });

  test("whose members disagree about sleeping stays awake, and goes on", async () => {
    world = new HostWorld();
    await world.startGroup(3, () => new JournalMachine());
    const leader = await world.leader();
    await world.settled(leader.propose(bytes("x")));
    const deaf = [1, 2, 3].find((id) => id !== leader.status().id)!;
    world.network.tellDown(deaf, leader.status().id);
    const { term } = leader.status();
    await world.run(30_000);
    expect(sleepers()).toBeLessThan(3);
    expect(leader.status()).toMatchObject({ role: "leader", term });
    await world.settled(leader.propose(bytes("y")));
  });
});
