import { type ManualClock, SeededRandom } from "@titan/bitcask/testing";
import { afterEach, describe, expect, test } from "vitest";
import { toNodeId } from "../../src/core/ids.js";
import type { RaftGroup } from "../../src/host/raft-group.js";
import { decodeFrame } from "../../src/host/wire/frame-codec.js";
import type { Clock } from "../../src/wal/ports.js";
import { HostWorld, type HostWorldOptions } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

const VOTERS = [1, 2, 3];
const FOUNDERS = { founders: { voters: VOTERS } };
/** Of the default options: 10 ticks of 100 ms, of which two tenths are left for drift and suspension. */
const PROMISE_MS = 1000;
const LEASE_MS = 800;

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

/** Three hosts, the first of which leads and has its lease. */
async function leased(options: HostWorldOptions = {}): Promise<RaftGroup[]> {
  world = new HostWorld({ ...options, host: { leaderLease: true, ...options.host } });
  const groups = await world.startGroup(3, () => new JournalMachine());
  groups[0]!.campaign();
  await world.until(() => groups[0]!.status().hasLease);
  await world.settled(groups[0]!.propose(bytes("a")));
  return groups;
}

/** Whether a read is served at once: without a message to anybody. */
async function isServedAtOnce(group: RaftGroup): Promise<boolean> {
  let isServed = false;
  group.readIndex().then(
    () => {
      isServed = true;
    },
    () => undefined,
  );
  await world.flush();
  return isServed;
}

async function campaignUntil(test: () => boolean, groups: readonly RaftGroup[]): Promise<void> {
  for (let tries = 0; !test() && tries < 300; tries += 1) {
    for (const group of groups) {
      group.campaign();
      await world.run(10);
    }
  }
  expect(test()).toBe(true);
}

function isolate(id: number): void {
  world.network.isolate(id, VOTERS);
}

/** The same time at another rate. */
class OddClock implements Clock {
  readonly #clock: ManualClock;
  readonly #rate: number;
  /** For how long the process stood still. */
  stoodMs = 0;

  constructor(clock: ManualClock, rate = 1) {
    this.#clock = clock;
    this.#rate = rate;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs() * this.#rate + this.stoodMs;
  }

  wallMs(): number {
    return this.#clock.wallMs() - this.#clock.monotonicMs() + this.monotonicMs();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.#clock.schedule(delayMs / this.#rate, callback);
  }
}

describe("a leader's lease (pitfall 7)", () => {
  test("serves reads at once, and only when it is asked for", async () => {
    const [leader, follower] = await leased();
    expect(await isServedAtOnce(leader!)).toBe(true);
    // A follower still has to hear from the leader, but that has to ask nobody.
    await world.run(200);
    let index = 0;
    void follower!.readIndex().then((found) => {
      index = found;
    });
    await world.flush();
    await world.run(2);
    expect(index).toBe(leader!.status().commitIndex);
    await world.close();
    world = new HostWorld();
    const plain = await world.startGroup(3, () => new JournalMachine());
    plain[0]!.campaign();
    await world.leader();
    await world.run(500);
    expect(plain[0]!.status().hasLease).toBe(false);
    expect(await isServedAtOnce(plain[0]!)).toBe(false);
  });

  test("runs from when its promises were asked for, not from when they came", async () => {
    const [leader] = await leased();
    await world.run(300);
    // The last asking was at most a tick ago.
    isolate(1);
    await world.run(LEASE_MS - 100);
    expect(leader!.status().hasLease).toBe(true);
    await world.run(101);
    expect(leader!.status().hasLease).toBe(false);
    expect(await isServedAtOnce(leader!)).toBe(false);
  });

  test("is over before anybody else leads, whoever would like to", async () => {
    const [leader, second, third] = await leased();
    isolate(1);
    const isolatedMs = world.clock.monotonicMs();
    await campaignUntil(
      () => second!.role === "leader" || third!.role === "leader",
      [second!, third!],
    );
    // Long before their own patience would have been at its end, they are free to vote.
    expect(world.clock.monotonicMs() - isolatedMs).toBeLessThan(PROMISE_MS + 100);
    expect(leader!.role).toBe("leader");
    expect(leader!.status().hasLease).toBe(false);
    const next = second!.role === "leader" ? second! : third!;
    await world.settled(next.propose(bytes("b")));
    expect(await isServedAtOnce(leader!)).toBe(false);
  });

  test("is not helped to its end by a member that campaigns in spite of its promise", async () => {
    const [leader, second, third] = await leased();
    await world.run(150);
    // Cut off from the third for so long that the third is free to vote.
    world.network.cutOneWay(1, 3);
    await world.run(PROMISE_MS + 100);
    expect(leader!.status().hasLease).toBe(true);
    second!.campaign();
    await world.run(20);
    expect(second!.role).toBe("follower");
    third!.campaign();
    await world.run(20);
    expect(third!.role).not.toBe("leader");
    expect(leader!.status().hasLease).toBe(true);
  });

  test("ends for the term when a successor is invited, however late the invitation", async () => {
    const [leader, second] = await leased();
    world.network.cutOneWay(1, 2);
    leader!.transferLeadership(2);
    expect(await isServedAtOnce(leader!)).toBe(false);
    await world.run(2);
    // The transfer is given up, and heartbeats go on: but the invitation may still be on its way.
    world.network.heal();
    await world.run(3000);
    expect(leader!.role).toBe("leader");
    expect(await isServedAtOnce(leader!)).toBe(false);
    leader!.transferLeadership(2);
    await world.until(() => second!.status().hasLease);
    expect(await isServedAtOnce(second!)).toBe(true);
  });

  test("is respected by a member that has been restarted and remembers no promise", async () => {
    const [leader, second] = await leased();
    await world.run(150);
    const asked: number[] = [];
    world.network.onFrame = (from, to, frame) => {
      if (from !== 3) return;
      const decoded = decodeFrame(frame, { from: toNodeId(from), to: toNodeId(to) });
      if (!("messages" in decoded)) return;
      for (const { message } of decoded.messages) {
        if ("granted" in message && message.granted) asked.push(world.clock.monotonicMs());
      }
    };
    const disk = await world.kill(3);
    world.network.isolate(1, VOTERS);
    await world.run(50);
    await world.start(3, disk);
    await world.open(3, new JournalMachine(), FOUNDERS);
    const openedMs = world.clock.monotonicMs();
    await campaignUntil(() => second!.role === "leader", [second!]);
    expect(asked[0]).toBeGreaterThanOrEqual(openedMs + PROMISE_MS - 60);
    expect(leader!.status().hasLease).toBe(false);
  });

  test("is lost when the process stood still", async () => {
    const clocks = new Map<number, OddClock>();
    const clockOf = (id: number, clock: ManualClock): Clock => {
      const own = new OddClock(clock);
      clocks.set(id, own);
      return own;
    };
    const [leader] = await leased({ clockOf });
    isolate(1);
    await world.run(1);
    clocks.get(1)!.stoodMs += 250;
    await world.run(100);
    expect(leader!.status()).toMatchObject({ role: "leader", hasLease: false });
  });

  test("is not believed when the wall clock says that the machine slept", async () => {
    const [leader] = await leased();
    isolate(1);
    world.clock.jumpWall(5000);
    expect(leader!.status()).toMatchObject({ role: "leader", hasLease: false });
    expect(await isServedAtOnce(leader!)).toBe(false);
    // It is of use again when it has been asked for under the clock as it is now.
    world.network.heal();
    await world.run(200);
    expect(leader!.status().hasLease).toBe(true);
  });

  test("takes no part in keeping a group awake", async () => {
    await leased();
    await world.until(() => {
      return [...world.machines.values()].every(({ host }) => host.status().sleepingGroups === 1);
    }, 30_000);
    await world.run(LEASE_MS);
    expect(world.host(1).group(1)!.status()).toMatchObject({ hasLease: false, role: "leader" });
    await world.settled(world.host(1).group(1)!.readIndex());
  });

  test("is refused settings that make no sense", async () => {
    world = new HostWorld({ host: { leaderLease: true, maxClockDrift: 0.5 } });
    await expect(world.start(1)).rejects.toThrow("maxClockDrift");
  });
});

describe("leases under clocks of different rates, cuts and restarts", () => {
  const seeds = Number(process.env["TITAN_RUNS"] ?? 4);
  const first = Number(process.env["TITAN_SEED"] ?? 1);

  test.each(Array.from({ length: seeds }, (_, at) => first + at))(
    "nobody leads beside a holder (TITAN_SEED=%i)",
    async (seed) => {
      const random = new SeededRandom(seed);
      await leased({
        seed,
        // Within the drift that is allowed for: (1 - 0.045) / (1 + 0.045) > 0.9.
        clockOf: (_, clock) => new OddClock(clock, 0.955 + random.nextInt(90) / 1000),
        host: { leaderLease: true, electionTicks: 5, tickMs: 20 },
      });
      for (let step = 0; step < 60; step += 1) {
        await disturb(random);
        for (let passed = 0; passed < 40; passed += 1) {
          await world.run(1);
          expectNobodyBesideHolder(seed);
        }
      }
    },
  );

  async function disturb(random: SeededRandom): Promise<void> {
    const id = 1 + random.nextInt(3);
    switch (random.nextInt(6)) {
      case 0:
        isolate(id);
        return;
      case 1:
        world.network.cutOneWay(id, 1 + random.nextInt(3));
        return;
      case 2: {
        const disk = await world.kill(id);
        await world.start(id, disk);
        await world.open(id, new JournalMachine(), FOUNDERS);
        return;
      }
      case 3:
        world.host(id).group(1)!.campaign();
        return;
      case 4:
        if (world.host(id).group(1)!.leader !== undefined) {
          world
            .host(id)
            .group(1)!
            .transferLeadership(1 + random.nextInt(3));
        }
        return;
      default:
        world.network.heal();
    }
  }

  function expectNobodyBesideHolder(seed: number): void {
    const all = [...world.machines.values()].map(({ host }) => host.group(1)!.status());
    const leaders = all.filter(({ role }) => role === "leader");
    for (const holder of leaders) {
      if (!holder.hasLease) continue;
      const others = leaders.filter(({ id, term }) => id !== holder.id && term > holder.term);
      expect(others, `seed ${seed}`).toEqual([]);
    }
  }
});
