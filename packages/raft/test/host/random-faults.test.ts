/**
 * Three to five hosts under random crashes, restarts, partitions, loss, transfers, snapshots and changes of
 * members, with commands that are proposed again when their outcome is unknown. What is
 * acknowledged must be there in the end, once and everywhere in the same order; what was refused must
 * not. TITAN_SEED replays a run, TITAN_RUNS sets how many there are.
 */

import { describe, expect, test } from "vitest";
import { toNodeId } from "../../src/core/ids.js";
import type { RaftGroup } from "../../src/host/raft-group.js";
import { seededRandom, testSeed } from "../support/seeded-random.js";
import { HostWorld } from "./support/host-world.js";
import {
  bytes,
  DiskJournalMachine,
  type JournalDisk,
  JournalMachine,
} from "./support/journal-machine.js";

const RUNS = Number(process.env["TITAN_RUNS"] ?? 4);
const STEPS = 120;
const FIRST_SEED = testSeed();

interface Oracle {
  readonly acknowledged: Set<string>;
  readonly refused: Set<string>;
  /** Acknowledged before a read began; the read must see them. */
  reads: number;
}

class Chaos {
  readonly #random;
  readonly #world: HostWorld;
  readonly #ids: readonly number[];
  readonly #isOnDisk: boolean;
  readonly #machines = new Map<number, JournalMachine | DiskJournalMachine>();
  readonly #disks = new Map<number, JournalDisk>();
  readonly #down = new Map<number, Awaited<ReturnType<HostWorld["kill"]>>>();
  readonly oracle: Oracle = { acknowledged: new Set(), refused: new Set(), reads: 0 };
  readonly #waiting: Promise<unknown>[] = [];
  readonly failures: unknown[] = [];
  #proposals = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#isOnDisk = this.#random.nextInt(2) === 0;
    const count = 3 + 2 * this.#random.nextInt(2);
    this.#ids = Array.from({ length: count }, (_, at) => at + 1);
    this.#world = new HostWorld({
      seed,
      host: { observer: { onGroupFailed: (_, error) => this.failures.push(error) } },
    });
  }

  async run(): Promise<void> {
    for (const id of this.#ids) await this.#boot(id);
    for (let step = 0; step < STEPS; step += 1) {
      await this.#step();
      await this.#world.run(this.#random.nextInt(200));
    }
    await this.#heal();
    await this.#world.close();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const world = this.#world;
    switch (random.nextInt(14)) {
      case 0:
        return this.#kill();
      case 1:
      case 2:
        return this.#reboot();
      case 3:
        world.network.heal();
        world.network.isolate(this.#pick(), this.#ids);
        return;
      case 4:
        world.network.heal();
        return;
      case 5: {
        const percent = random.nextInt(30);
        world.network.loses = () => random.nextInt(100) < percent;
        return;
      }
      case 6:
        this.#any()?.transferLeadershipQuietly(this.#pick());
        return;
      case 7:
        return this.#read();
      case 8:
        return this.#changeMembers();
      case 9:
        return this.#proposeAgain();
      default:
        for (let count = 1 + random.nextInt(8); count > 0; count -= 1) this.#propose();
    }
  }

  #propose(): void {
    const group = this.#leaderOrAny();
    if (group === undefined) return;
    const line = `p${this.#proposals}`;
    this.#proposals += 1;
    const proposal = group.propose(bytes(line), { timeoutMs: 3000 }).then(
      () => this.oracle.acknowledged.add(line),
      (error: { readonly outcome: string }) => {
        if (error.outcome === "not-applied") this.oracle.refused.add(line);
      },
    );
    this.#waiting.push(proposal);
  }

  /** Removes, demotes, adds or promotes somebody, perhaps. */
  #changeMembers(): void {
    const group = this.#leaderOrAny();
    if (group === undefined) return;
    const { voters, learners } = group.status().config;
    const node = toNodeId(this.#pick());
    const isVoter = voters.includes(node);
    if (isVoter && voters.length <= 2) return;
    const others = this.#random.nextInt(2) === 0;
    const back = learners.includes(node) ? "add-voter" : "add-learner";
    const away = others ? "remove" : "add-learner";
    const changes = [{ operation: isVoter ? away : back, node }] as const;
    const change = group.changeConfig({ transition: "auto", changes }, { timeoutMs: 3000 });
    this.#waiting.push(change.catch(() => undefined));
  }

  /** A command of a session, again and again until its outcome is known. */
  #proposeAgain(): void {
    const line = `s${this.#proposals}`;
    this.#proposals += 1;
    this.#waiting.push(this.#insist(line));
  }

  async #insist(line: string): Promise<void> {
    let client: number | undefined;
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const group = this.#leaderOrAny();
      try {
        if (group !== undefined) {
          client ??= await group.openSession({ timeoutMs: 1000 });
          const session = { client, request: 1, answeredThrough: 0 };
          await group.propose(bytes(line), { session, timeoutMs: 1000 });
          this.oracle.acknowledged.add(line);
          return;
        }
      } catch {
        // Try again: this is what sessions are for.
      }
      await new Promise<void>((resolve) => {
        this.#world.clock.schedule(300, resolve);
      });
    }
  }

  #read(): void {
    const id = this.#pick();
    const group = this.#world.machines.get(id)?.host.group(1);
    const machine = this.#machines.get(id);
    if (group === undefined || machine === undefined) return;
    const before = [...this.oracle.acknowledged];
    const read = group.readIndex({ timeoutMs: 3000 }).then(
      () => {
        this.oracle.reads += 1;
        const seen = new Set(machine.lines);
        expect(before.filter((line) => !seen.has(line))).toEqual([]);
      },
      (error: { readonly outcome?: string }) => {
        if (error.outcome === undefined) throw error;
      },
    );
    this.#waiting.push(read);
  }

  async #kill(): Promise<void> {
    const id = this.#pick();
    // Now and then all of them, mostly fewer than half.
    const isMajority = (this.#down.size + 1) * 2 > this.#ids.length;
    if (!this.#world.machines.has(id) || (isMajority && this.#random.nextInt(6) > 0)) return;
    const choice = Array.from({ length: 40 }, () => this.#random.nextInt(2));
    const before = this.failures.length;
    this.#down.set(id, await this.#world.kill(id, choice));
    this.#machines.delete(id);
    // A group that fails because its power was cut is no failure.
    this.failures.length = before;
  }

  async #reboot(): Promise<void> {
    for (const [id, files] of this.#down) {
      this.#down.delete(id);
      await this.#boot(id, files);
    }
  }

  async #boot(id: number, files?: Awaited<ReturnType<HostWorld["kill"]>>): Promise<void> {
    const machine = this.#makeMachine(id);
    this.#machines.set(id, machine);
    await this.#world.start(id, files);
    const compaction = { everyEntries: 8, keepEntries: 3 };
    await this.#world.open(id, machine, {
      founders: { voters: this.#ids },
      options: { compaction },
    });
  }

  #makeMachine(id: number): JournalMachine | DiskJournalMachine {
    if (this.#isOnDisk) {
      const disk = this.#disks.get(id) ?? { lines: [], index: 0 };
      this.#disks.set(id, disk);
      return new DiskJournalMachine(disk);
    }
    const machine = new JournalMachine();
    machine.isSlow = this.#random.nextInt(2) === 0;
    return machine;
  }

  async #heal(): Promise<void> {
    const world = this.#world;
    world.network.heal();
    world.network.loses = () => false;
    await this.#reboot();
    await world.run(4000);
    await world.settled(Promise.all(this.#waiting));
    const leader = await world.leader();
    await world.settled(leader.propose(bytes("last")));
    await world.until(() => this.#members(leader).every((one) => one.lines.includes("last")));
    this.#check(this.#members(leader));
  }

  #members(group: RaftGroup) {
    const { voters, learners } = group.status().config;
    return [...voters, ...learners].map((id) => this.#machines.get(id)!);
  }

  #check(members: readonly { readonly lines: readonly string[] }[]): void {
    expect(this.failures).toEqual([]);
    const [first, ...others] = members;
    for (const other of others) expect(other.lines).toEqual(first!.lines);
    const { lines } = first!;
    expect(new Set(lines).size, "each at most once").toBe(lines.length);
    const held = new Set(lines);
    expect([...this.oracle.acknowledged].filter((line) => !held.has(line))).toEqual([]);
    expect([...this.oracle.refused].filter((line) => held.has(line))).toEqual([]);
  }

  #pick(): number {
    return this.#ids[this.#random.nextInt(this.#ids.length)]!;
  }

  #any() {
    const group = this.#world.machines.get(this.#pick())?.host.group(1);
    if (group === undefined) return undefined;
    return {
      group,
      /** Nobody to ask is as good an answer as any. */
      transferLeadershipQuietly(member: number): void {
        if (group.leader !== undefined) group.transferLeadership(member);
      },
    };
  }

  #leaderOrAny() {
    const groups = [...this.#world.machines.values()].map(({ host }) => host.group(1));
    return groups.find((group) => group?.role === "leader") ?? this.#any()?.group;
  }
}

describe("whatever happens, what is acknowledged is applied once, in one order", () => {
  test.each(Array.from({ length: RUNS }, (_, run) => FIRST_SEED + run))(
    "TITAN_SEED=%i",
    async (seed) => {
      await new Chaos(seed).run();
    },
    60_000,
  );
});
