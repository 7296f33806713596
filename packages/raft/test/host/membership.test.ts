import { afterEach, describe, expect, test } from "vitest";
import { parseMemberChanges } from "../../src/core/config-change.js";
import type { RaftGroup } from "../../src/host/raft-group.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

const EVENTS: string[] = [];

async function start() {
  EVENTS.length = 0;
  world = new HostWorld({
    host: { observer: { onGroupEvent: (_, event) => EVENTS.push(event.type) } },
  });
  const machines = new Map([1, 2, 3, 4].map((id) => [id, new JournalMachine()]));
  await world.startGroup(3, (id) => machines.get(id)!);
  return machines;
}

function change(words: string) {
  return { transition: "auto" as const, changes: parseMemberChanges(words) };
}

/** Whether the leader knows that the member has something of the log. */
function hasAnswered(leader: RaftGroup, member: number): boolean {
  return leader.status().members.some(({ id, match }) => id === member && match > 0);
}

describe("members", () => {
  test("a learner joins, catches up, is promoted, and helps to commit", async () => {
    const machines = await start();
    const leader = await world.leader();
    await world.settled(leader.propose(bytes("before")));
    await world.start(4);
    const joined = await world.open(4, machines.get(4)!);
    const { config } = await world.settled(leader.changeConfig(change("l4")));
    expect(config.learners).toEqual([4]);
    await world.until(() => machines.get(4)!.lines.length === 1);
    await world.until(() => hasAnswered(leader, 4));
    await world.settled(leader.changeConfig(change("v4")));
    await world.until(() => joined.status().config.voters.length === 4);
    // Of four, three are a majority: with two old ones gone it takes the new one.
    const others = [1, 2, 3].filter((id) => id !== leader.status().id);
    world.network.isolate(others[0]!, [1, 2, 3, 4]);
    await world.settled(leader.propose(bytes("after")));
    await world.until(() => machines.get(4)!.lines.length === 2);
  });

  test("a change that a member has applied is known to it after a power cut", async () => {
    const machines = await start();
    const leader = await world.leader();
    await world.start(4);
    const joined = await world.open(4, machines.get(4)!);
    await world.settled(leader.changeConfig(change("l4")));
    await expect(world.settled(leader.changeConfig(change("v4")))).rejects.toMatchObject({
      code: "RAFT_CONFIG_CHANGE_REFUSED",
      reason: "learner-behind",
    });
    await world.until(() => hasAnswered(leader, 4));
    await world.settled(leader.changeConfig(change("v4")));
    await world.until(() => joined.status().config.voters.length === 4);
    // What is left of the group may well be just those who learned of the change last.
    const files = await world.kill(4);
    world.network.isolate(4, [1, 2, 3]);
    await world.start(4, files);
    const back = await world.open(4, new JournalMachine());
    await world.run(100);
    expect(back.status().config.voters).toEqual([1, 2, 3, 4]);
  });

  test("a change that contradicts what the caller saw is refused", async () => {
    await start();
    const leader = await world.leader();
    const { changedAt } = leader.status().config;
    await world.settled(leader.changeConfig(change("l4"), { ifChangedAt: changedAt }));
    await expect(
      world.settled(leader.changeConfig(change("l5"), { ifChangedAt: changedAt })),
    ).rejects.toMatchObject({ code: "RAFT_CONFIG_CHANGE_REFUSED", reason: "config-moved" });
  });

  test("a leader that removes itself hands over first: nobody waits for a timeout", async () => {
    await start();
    const leader = await world.leader();
    const { id } = leader.status();
    const before = world.clock.monotonicMs();
    await world.settled(leader.changeConfig(change(`r${id}`)));
    await world.until(() =>
      [1, 2, 3].some((other) => other !== id && world.host(other).group(1)?.role === "leader"),
    );
    // The least election timeout is a second.
    expect(world.clock.monotonicMs() - before).toBeLessThan(500);
    const next = await world.leader();
    await world.until(() => next.status().config.voters.length === 2);
    expect(next.status().config.voters).not.toContain(id);
    await world.settled(next.propose(bytes("goes on")));
  });

  test("replacing the leader through a joint configuration hands over as well", async () => {
    const machines = await start();
    const leader = await world.leader();
    const { id } = leader.status();
    await world.start(4);
    await world.open(4, machines.get(4)!);
    await world.settled(leader.changeConfig(change("l4")));
    await world.until(() => machines.get(4)!.restores + leader.status().members.length > 3);
    await world.run(500);
    const before = world.clock.monotonicMs();
    await world.settled(leader.changeConfig(change(`v4 r${id}`)));
    await world.until(() => leader.role === "follower");
    const next = await world.leader();
    expect(world.clock.monotonicMs() - before).toBeLessThan(500);
    await world.until(() => next.status().config.votersOutgoing.length === 0);
    expect(next.status().config.voters).toEqual([1, 2, 3, 4].filter((one) => one !== id));
    await world.settled(next.propose(bytes("goes on")));
  });

  test("leadership goes where it is asked to go", async () => {
    await start();
    const leader = await world.leader();
    const target = [1, 2, 3].find((id) => id !== leader.status().id)!;
    leader.transferLeadership(target);
    await world.until(() => world.host(target).group(1)!.role === "leader", 500);
  });

  test("a host that resigns while it is cut off leads no more after two election timeouts", async () => {
    world = new HostWorld();
    const machines = new Map([1, 2, 3].map((id) => [id, new JournalMachine()]));
    await world.startGroup(3, (id) => machines.get(id)!);
    const leader = await world.leader();
    const { id } = leader.status();
    await world.settled(leader.propose(bytes("x")));
    world.network.isolate(id, [1, 2, 3]);
    const resigned = world.host(id).resign(60_000);
    // One for what was heard before the cut, one without a word.
    await world.run(2000);
    expect(leader.role).toBe("follower");
    expect(await world.settled(resigned)).toBe(true);
  });

  test("a host that resigns hands all groups over and takes none back", async () => {
    await start();
    const leader = await world.leader();
    const host = world.host(leader.status().id);
    expect(await world.settled(host.resign())).toBe(true);
    const next = await world.leader();
    expect(next.status().id).not.toBe(leader.status().id);
    await world.run(3000);
    expect(leader.role).toBe("follower");
  });
});

describe("a group that was removed from a host", () => {
  const founders = { voters: [1, 2, 3] };

  /** Others take the group over from its founders, who then forget it and are started again. */
  async function handOn() {
    await start();
    const leader = await world.leader();
    await world.settled(leader.propose(bytes("before")));
    for (const id of [4, 5, 6]) {
      await world.start(id);
      await world.open(id, new JournalMachine());
    }
    await world.settled(leader.changeConfig(change("v4 v5 v6 r1 r2 r3")));
    await world.until(() => world.host(4).group(1)!.status().config.voters.length === 3);
    await world.until(() => world.host(4).group(1)!.leader! > 3);
    for (const id of [1, 2, 3]) {
      await world.settled(world.host(id).removeGroup(1));
      await world.start(id, await world.kill(id));
      await world.open(id, new JournalMachine(), { founders });
    }
    await world.run(5000);
  }

  test("is not founded again, though the program still names the founders", async () => {
    await handOn();
    for (const id of [1, 2, 3]) {
      const { role, lastIndex, config } = world.host(id).group(1)!.status();
      expect({ role, lastIndex, config }).toMatchObject({
        role: "follower",
        lastIndex: 0,
        config: { voters: [] },
      });
    }
  });

  test("comes back when its members add the host", async () => {
    await handOn();
    const leader = await world.leader();
    await world.settled(leader.changeConfig(change("v1")));
    await world.settled(leader.propose(bytes("after")));
    const back = world.host(1).group(1)!;
    await world.until(() => back.status().appliedIndex === leader.status().appliedIndex);
    expect(back.status().config.voters).toEqual([1, 4, 5, 6]);
  });

  test("comes back also when the first message about its members is lost", async () => {
    await start();
    const leader = await world.leader();
    const gone = leader.status().id === 3 ? 2 : 3;
    await world.settled(leader.changeConfig(change(`r${gone}`)));
    await world.settled(world.host(gone).removeGroup(1));
    const back = await world.open(gone, new JournalMachine());
    EVENTS.length = 0;
    // It leaves in the turn in which the event is told, and arrives a millisecond later.
    world.network.loses = (_, to) => to === gone && EVENTS.includes("snapshot-sent");
    await world.settled(leader.changeConfig(change(`l${gone}`)));
    await world.until(() => EVENTS.includes("snapshot-sent"));
    await world.run(100);
    world.network.loses = () => false;
    await world.until(() => back.status().appliedIndex === leader.status().appliedIndex);
    expect(back.status().config.learners).toEqual([gone]);
  });

  test("is not founded again where it had not even begun", async () => {
    world = new HostWorld();
    await world.start(1);
    await world.open(1, new JournalMachine(), { founders });
    await world.settled(world.host(1).removeGroup(1));
    const again = await world.open(1, new JournalMachine(), { founders });
    expect(again.status().config.voters).toEqual([]);
  });
});
