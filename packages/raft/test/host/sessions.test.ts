import { afterEach, describe, expect, test } from "vitest";
import { HostWorld } from "./support/host-world.js";
import {
  bytes,
  DiskJournalMachine,
  type JournalDisk,
  JournalMachine,
  text,
} from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

describe("a command of a session", () => {
  test("that is proposed again is not applied again, and gets the same answer", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    const client = await world.settled(leader.openSession());
    const session = { client, request: 1, answeredThrough: 0 };
    const first = await world.settled(leader.propose(bytes("once"), { session }));
    await world.settled(leader.propose(bytes("other")));
    const again = await world.settled(leader.propose(bytes("once"), { session }));
    expect(text(again.result)).toBe(text(first.result));
    expect(machines[leader.status().id - 1]!.lines).toEqual(["once", "other"]);
  });

  test("twice in one batch is applied once", async () => {
    world = new HostWorld();
    const machine = new JournalMachine();
    await world.startGroup(1, () => machine);
    const leader = await world.leader();
    const client = await world.settled(leader.openSession());
    const session = { client, request: 1, answeredThrough: 0 };
    const both = [1, 2].map(() => leader.propose(bytes("once"), { session }));
    const answers = await world.settled(Promise.all(both));
    expect(answers.map(({ result }) => text(result))).toEqual(["1", "1"]);
    expect(machine.lines).toEqual(["once"]);
  });

  test("is remembered by the next leader", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    await world.startGroup(3, (id) => machines[id - 1]!);
    const leader = await world.leader();
    const client = await world.settled(leader.openSession());
    const session = { client, request: 1, answeredThrough: 0 };
    await world.settled(leader.propose(bytes("once"), { session }));
    await world.kill(leader.status().id);
    const next = await world.leader();
    const again = await world.settled(next.propose(bytes("once"), { session }));
    expect(text(again.result)).toBe("1");
    expect(machines[next.status().id - 1]!.lines).toEqual(["once"]);
  });

  test("is remembered by a member that was sent a snapshot", async () => {
    world = new HostWorld();
    const machines = [1, 2, 3].map(() => new JournalMachine());
    const options = { compaction: { everyEntries: 5, keepEntries: 1 } };
    await world.startGroup(3, (id) => machines[id - 1]!, { options });
    const leader = await world.leader();
    const late = [1, 2, 3].find((id) => id !== leader.status().id)!;
    world.network.isolate(late, [1, 2, 3]);
    const client = await world.settled(leader.openSession());
    const session = { client, request: 1, answeredThrough: 0 };
    await world.settled(leader.propose(bytes("once"), { session }));
    for (let at = 0; at < 20; at += 1) await world.settled(leader.propose(bytes(`w${at}`)));
    world.network.heal();
    await world.until(() => machines[late - 1]!.lines.length === 21);
    expect(machines[late - 1]!.restores).toBe(1);
    leader.transferLeadership(late);
    await world.until(() => world.host(late).group(1)!.role === "leader");
    const again = await world.settled(
      world.host(late).group(1)!.propose(bytes("once"), { session }),
    );
    expect(text(again.result)).toBe("1");
    expect(machines[late - 1]!.lines.filter((line) => line === "once")).toHaveLength(1);
  });

  test.each([0, 12])(
    "survives a restart of a state machine on disk (%i commands after it)",
    async (after) => {
      world = new HostWorld();
      const disk: JournalDisk = { lines: [], index: 0 };
      const options = { compaction: { everyEntries: 5, keepEntries: 1 } };
      const init = { options, founders: { voters: [1] } };
      await world.start(1);
      const machine = new DiskJournalMachine(disk);
      const group = await world.open(1, machine, init);
      await world.until(() => group.role === "leader");
      const client = await world.settled(group.openSession());
      const session = { client, request: 1, answeredThrough: 0 };
      await world.settled(group.propose(bytes("once"), { session }));
      for (let at = 0; at < after; at += 1) await world.settled(group.propose(bytes(`w${at}`)));
      await world.run(100);
      await machine.sync();
      const files = await world.kill(1);
      await world.start(1, files);
      const next = new DiskJournalMachine(disk);
      const again = await world.open(1, next, init);
      await world.until(() => again.role === "leader");
      const retried = again.propose(bytes("once"), { session });
      if (after === 0) {
        // The state machine had it, and the log says only that: the answer is gone, and told so.
        await expect(world.settled(retried)).rejects.toMatchObject({
          code: "RAFT_HOST_ANSWER_LOST",
          outcome: "applied",
        });
      } else {
        expect(text((await world.settled(retried)).result)).toBe("1");
      }
      expect(next.lines.filter((line) => line === "once")).toHaveLength(1);
    },
  );
});

describe("a session", () => {
  async function alone() {
    world = new HostWorld();
    await world.startGroup(1, () => new JournalMachine());
    const leader = await world.leader();
    return { leader, client: await world.settled(leader.openSession()) };
  }

  test("that was ended refuses its commands, without knowing what became of them", async () => {
    const { leader, client } = await alone();
    await world.settled(leader.closeSession(client));
    const session = { client, request: 1, answeredThrough: 0 };
    await expect(world.settled(leader.propose(bytes("x"), { session }))).rejects.toMatchObject({
      code: "RAFT_HOST_SESSION_EXPIRED",
      outcome: "unknown",
    });
  });

  test("keeps no more answers than its limit, and has room again when they are confirmed", async () => {
    const { leader, client } = await alone();
    const propose = (request: number, answeredThrough = 0) =>
      leader.propose(bytes("x"), { session: { client, request, answeredThrough } });
    const many = Array.from({ length: 256 }, (_, at) => propose(at + 1));
    await world.settled(Promise.all(many));
    await expect(world.settled(propose(257))).rejects.toMatchObject({
      code: "RAFT_HOST_SESSION_FULL",
      outcome: "not-applied",
    });
    await world.settled(propose(257, 256));
    await expect(world.settled(propose(3))).rejects.toMatchObject({
      code: "RAFT_HOST_ALREADY_ANSWERED",
    });
  });

  test("refuses numbers that are none at once", async () => {
    const { leader } = await alone();
    const session = { client: 1, request: -1, answeredThrough: 0 };
    expect(() => leader.propose(bytes("x"), { session })).toThrow(RangeError);
  });
});
