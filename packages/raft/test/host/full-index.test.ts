/** Hosts whose log has no room left in its index. */

import { afterEach, describe, expect, test } from "vitest";
import type { RaftGroup } from "../../src/host/raft-group.js";
import type { Command } from "../../src/host/state-machine.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

const VOTERS = [1, 2, 3];
/** Of the index: for about so many entries. */
const ROOM = 80;

/** Applies nothing while its gate is shut. */
class GatedMachine extends JournalMachine {
  gate: Promise<void> | undefined;

  override apply(commands: readonly Command[]) {
    const { gate } = this;
    if (gate === undefined) return super.apply(commands);
    return gate.then(() => super.apply(commands));
  }
}

/** Three hosts with a small index and groups 1 and 2. */
async function start(events: string[] = []) {
  world = new HostWorld({
    wal: { maxIndexBytes: ROOM * 20 },
    host: {
      observer: {
        onIndexFull: (isFull) => events.push(isFull ? "full" : "room"),
        onLogFailed: (error) => events.push(`failed: ${String(error)}`),
        onGroupFailed: (_, error) => events.push(`failed: ${String(error)}`),
      },
    },
  });
  const machines = new Map<string, GatedMachine>();
  for (const group of [1, 2]) {
    const machineOf = (id: number): GatedMachine => {
      const machine = new GatedMachine();
      machines.set(`${id}/${group}`, machine);
      return machine;
    };
    await world.startGroup(3, machineOf, { group });
  }
  return machines;
}

/** Proposes `count` words, each again as often as it is refused for want of room. @returns refusals */
async function proposeAll(leader: RaftGroup, count: number): Promise<number> {
  let refusals = 0;
  for (let at = 0; at < count; at += 1) {
    for (;;) {
      try {
        await world.settled(leader.propose(bytes(`w${at}`)));
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "RAFT_HOST_OVERLOADED", outcome: "not-applied" });
        refusals += 1;
        await world.run(1);
      }
    }
  }
  return refusals;
}

describe("a full index", () => {
  test("makes room by itself: the longest logs are cut, and nothing is lost", async () => {
    const events: string[] = [];
    const machines = await start(events);
    const first = await world.leader(1);
    await proposeAll(first, 5 * ROOM);
    const second = await world.leader(2);
    await proposeAll(second, 3);
    await world.run(500);
    const words = Array.from({ length: 5 * ROOM }, (_, at) => `w${at}`);
    for (const id of VOTERS) {
      expect(machines.get(`${id}/1`)!.lines).toEqual(words);
      expect(machines.get(`${id}/2`)!.lines).toEqual(["w0", "w1", "w2"]);
      expect(world.machine(id).wal.stats().indexBytes).toBeLessThan(2 * ROOM * 20);
      const { firstIndex } = world.host(id).group(1)!.status();
      expect(firstIndex).toBeGreaterThan(4 * ROOM);
    }
    expect(events.filter((event) => event.startsWith("failed"))).toEqual([]);
    expect(events.filter((event) => event === "full").length).toBeGreaterThanOrEqual(VOTERS.length);
    expect(events.at(-1)).toBe("room");
    expect(first.role).toBe("leader");
  });

  test("that nothing can be cut for refuses proposals, and goes on when there is room", async () => {
    const machines = await start();
    const leader = await world.leader(1);
    const { id } = leader.status();
    // State machines that stand still: nothing is applied, so nothing may go.
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    for (const voter of VOTERS) machines.get(`${voter}/1`)!.gate = gate;
    const calls: Promise<unknown>[] = [];
    for (let at = 0; at < 2 * ROOM && !world.host(id).status().isIndexFull; at += 1) {
      calls.push(leader.propose(bytes(`w${at}`), { timeoutMs: 60_000 }));
      await world.run(5);
    }
    const all = Promise.allSettled(calls);
    await expect(leader.propose(bytes("no"))).rejects.toMatchObject({
      code: "RAFT_HOST_OVERLOADED",
      outcome: "not-applied",
    });
    // Votes take no entries: the other group elects a leader all the same.
    const other = await world.leader(2);
    expect(other.role).toBe("leader");
    await world.run(1500);
    expect(world.host(id).status()).toMatchObject({ isFit: false, isShortOfSpace: true });
    for (const voter of VOTERS) machines.get(`${voter}/1`)!.gate = undefined;
    goOn();
    await world.settled(all);
    await world.until(() => VOTERS.every((voter) => world.host(voter).status().isFit));
    const next = await world.leader(1);
    await world.settled(next.propose(bytes("after")));
    await world.run(500);
    for (const voter of VOTERS) {
      expect(machines.get(`${voter}/1`)!.lines.at(-1)).toBe("after");
    }
  });
});
