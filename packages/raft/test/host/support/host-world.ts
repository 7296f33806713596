/** Hosts in one process, each on a disk in memory that can lose power, under one virtual clock. */

import { FakeMachine, ManualClock, MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import type { GroupInit } from "../../../src/host/group/open-group.js";
import type { RaftHostOptions } from "../../../src/host/options.js";
import type { RaftGroup } from "../../../src/host/raft-group.js";
import { RaftHost } from "../../../src/host/raft-host.js";
import type { StateMachine } from "../../../src/host/state-machine.js";
import type { RaftWalOptions } from "../../../src/wal/options.js";
import type { Clock } from "../../../src/wal/ports.js";
import { RaftWal } from "../../../src/wal/raft-wal.js";
import { MemoryNetwork } from "./memory-network.js";

export interface Machine {
  readonly id: number;
  fileSystem: MemoryFileSystem;
  wal: RaftWal;
  host: RaftHost;
}

export interface HostWorldOptions {
  readonly seed?: number;
  readonly host?: RaftHostOptions;
  readonly wal?: RaftWalOptions;
  /** The clock of a host, made from the true one. @default the true one */
  readonly clockOf?: (id: number, clock: ManualClock) => Clock;
}

let nextPid = 1;

const WAL: RaftWalOptions = { segmentBytes: 1024 * 1024 };

export class HostWorld {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly machines = new Map<number, Machine>();
  readonly random: SeededRandom;
  readonly #options: HostWorldOptions;

  constructor(options: HostWorldOptions = {}) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 1);
  }

  /** Starts a host on an empty disk, or on what is left of its last. */
  async start(
    id: number,
    fileSystem = new MemoryFileSystem({ clock: this.clock }),
    host: RaftHostOptions = {},
  ): Promise<Machine> {
    const random = new SeededRandom(this.random.nextInt(2 ** 31));
    const clock = this.#options.clockOf?.(id, this.clock) ?? this.clock;
    const processes = new FakeMachine().start(nextPid++);
    const ports = { fileSystem, clock, random, processes };
    const options = { ...WAL, ...this.#options.wal };
    const wal = await this.settled(RaftWal.open("/data/wal", ports, options));
    const started = RaftHost.start(
      {
        nodeId: id,
        log: wal,
        transport: this.network.transport(id),
        ports: { clock, random, defer: (run) => queueMicrotask(run) },
        snapshots: { fileSystem, directory: "/data/snapshots" },
      },
      { ...this.#options.host, ...host },
    );
    const machine = { id, fileSystem, wal, host: await this.settled(started) };
    this.machines.set(id, machine);
    return machine;
  }

  /** Hosts 1 to `count`, each with the group opened. */
  async startGroup(
    count: number,
    machineOf: (id: number) => StateMachine,
    init: Partial<GroupInit> = {},
  ): Promise<RaftGroup[]> {
    const voters = Array.from({ length: count }, (_, at) => at + 1);
    const groups: RaftGroup[] = [];
    for (const id of voters) {
      if (!this.machines.has(id)) await this.start(id);
      groups.push(await this.open(id, machineOf(id), { founders: { voters }, ...init }));
    }
    return groups;
  }

  open(id: number, stateMachine: StateMachine, init: Partial<GroupInit> = {}): Promise<RaftGroup> {
    return this.settled(this.host(id).openGroup({ group: 1, stateMachine, ...init }));
  }

  host(id: number): RaftHost {
    return this.machine(id).host;
  }

  machine(id: number): Machine {
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Error(`no host ${id}`);
    return machine;
  }

  /** Cuts the power of a host. What was not synced is lost, but for what `choice` keeps. */
  async kill(id: number, choice?: readonly number[]): Promise<MemoryFileSystem> {
    const { fileSystem, host } = this.machine(id);
    const survivor = fileSystem.crash(choice);
    this.machines.delete(id);
    // The process is gone: it says nothing any more. Closing only stops its timers.
    await this.network.end(id)?.close();
    void host.close().catch(() => undefined);
    await this.flush();
    return survivor;
  }

  /** Lets time pass, a millisecond after the other. */
  async run(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 1) {
      this.clock.advance(1);
      await this.flush();
    }
  }

  /** Lets time pass until `test` holds. */
  async until(test: () => boolean, withinMs = 20_000): Promise<void> {
    for (let passed = 0; !test(); passed += 1) {
      if (passed > withinMs) throw new Error(`not within ${withinMs} ms: ${test.toString()}`);
      await this.run(1);
    }
  }

  /** Lets time pass until `promise` is settled. */
  async settled<Result>(promise: Promise<Result>): Promise<Result> {
    let isDone = false;
    void Promise.allSettled([promise]).then(() => {
      isDone = true;
    });
    await this.flush();
    await this.until(() => isDone);
    return promise;
  }

  /** The host that leads the group, as a majority of the voters sees it. */
  async leader(group = 1): Promise<RaftGroup> {
    let found: RaftGroup | undefined;
    await this.until(() => {
      const all = [...this.machines.values()].map(({ host }) => host.group(group));
      found = all.find((one) => one?.role === "leader" && this.#isFollowed(one));
      return found !== undefined;
    });
    if (found === undefined) throw new Error("no leader");
    return found;
  }

  #isFollowed(leader: RaftGroup): boolean {
    const { id, config } = leader.status();
    const followers = config.voters.filter((voter) => {
      return this.machines.get(voter)?.host.group(leader.id)?.leader === id;
    });
    return followers.length * 2 > config.voters.length;
  }

  async close(): Promise<void> {
    for (const { host, wal } of this.machines.values()) {
      await this.settled(host.close());
      await this.settled(wal.close());
    }
    this.machines.clear();
  }

  /** Lets everything run that can run now. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
