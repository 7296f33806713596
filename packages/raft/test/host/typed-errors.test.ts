/** Whatever breaks below a host, its callers get an error with a code and an outcome. */

import { MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import { afterEach, describe, expect, test } from "vitest";
import { parseMemberChanges } from "../../src/core/config-change.js";
import { RaftHost } from "../../src/host/raft-host.js";
import type { StateMachine } from "../../src/host/state-machine.js";
import { RaftWalError, type RaftWalErrorCode } from "../../src/wal/errors.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, DiskJournalMachine, JournalMachine } from "./support/journal-machine.js";
import { StubLog } from "./support/stub-log.js";

const VOTERS = [1, 2, 3];
const FOUNDERS = { voters: [1] };

let world = new HostWorld();
let hosts: RaftHost[] = [];

afterEach(async () => {
  for (const host of hosts) await host.close().catch(() => undefined);
  hosts = [];
});

async function start(id: number, log = new StubLog(), fileSystem = new MemoryFileSystem()) {
  const { clock, network } = world;
  const host = await RaftHost.start({
    nodeId: id,
    log,
    transport: network.transport(id),
    ports: { clock, random: new SeededRandom(id), defer: (run) => queueMicrotask(run) },
    snapshots: { fileSystem, directory: "/snapshots" },
  });
  hosts.push(host);
  return { host, log };
}

function walError(code: RaftWalErrorCode, outcome: "not-applied" | "unknown" = "not-applied") {
  return new RaftWalError({ code, outcome, message: "said the test" });
}

/** A log that takes nothing more. */
class BrokenLog extends StubLog {
  error: Error | undefined;

  override append(...call: Parameters<StubLog["append"]>): Promise<void> {
    return this.error === undefined ? super.append(...call) : Promise.reject(this.error);
  }
}

/** A leader whose log cannot be read, and a member that needs to have it read. */
async function unreadable() {
  world = new HostWorld();
  const leading = await start(1);
  const all = [leading, await start(2), await start(3)];
  for (const { host } of all) {
    const stateMachine = new JournalMachine();
    await host.openGroup({ group: 1, stateMachine, founders: { voters: VOTERS } });
  }
  const group = leading.host.group(1)!;
  group.campaign();
  await world.run(20);
  world.network.isolate(3, VOTERS);
  await world.settled(group.propose(bytes("x")));
  // The third stops being heard of, and is probed from now on.
  world.network.tellDown(1, 3 as never);
  await world.run(150);
  Object.assign(leading.log.storage(1), {
    entries: () => {
      throw walError("RAFT_WAL_READ_FAILED");
    },
  });
  return group;
}

const STOPPED = {
  name: "RaftHostError",
  code: "RAFT_HOST_GROUP_FAILED",
  outcome: "not-applied",
  cause: { code: "RAFT_WAL_READ_FAILED" },
};

describe("a log that cannot be read", () => {
  test("fails a transfer by name", async () => {
    const group = await unreadable();
    const transfer = async (): Promise<void> => group.transferLeadership(3);
    await expect(transfer()).rejects.toMatchObject(STOPPED);
    expect(group.status().state).toBe("failed");
  });

  test("fails a change of members by name", async () => {
    const group = await unreadable();
    const change = { transition: "auto", changes: parseMemberChanges("l4") } as const;
    await expect(group.changeConfig(change)).rejects.toMatchObject(STOPPED);
  });

  test("fails all proposals of the turn by name, and none is left without an answer", async () => {
    const group = await unreadable();
    const calls = [group.propose(bytes("y")), group.propose(bytes("z"))];
    const failed = calls.map((call) => expect(call).rejects.toMatchObject(STOPPED));
    await world.run(20);
    await Promise.all(failed);
    await expect(group.readIndex()).rejects.toMatchObject({ code: "RAFT_HOST_GROUP_FAILED" });
  });
});

describe("opening and ending a group", () => {
  test.each([
    ["RAFT_WAL_DISK_FULL", "not-applied", "RAFT_HOST_NO_SPACE"],
    ["RAFT_WAL_BACKLOG_FULL", "not-applied", "RAFT_HOST_OVERLOADED"],
    ["RAFT_WAL_POISONED", "not-applied", "RAFT_HOST_LOG_FAILED"],
    ["RAFT_WAL_SYNC_FAILED", "unknown", "RAFT_HOST_LOG_FAILED"],
  ] as const)("on a log that says %s, %s, fails by name", async (cause, outcome, code) => {
    world = new HostWorld();
    const log = new BrokenLog();
    const { host } = await start(1, log);
    const failure = { name: "RaftHostError", code, outcome, cause: { code: cause } };
    await host.openGroup({ group: 2, stateMachine: new JournalMachine(), founders: FOUNDERS });
    log.error = walError(cause, outcome);
    const init = { group: 1, stateMachine: new JournalMachine(), founders: FOUNDERS };
    await expect(host.openGroup(init)).rejects.toMatchObject(failure);
    await expect(host.removeGroup(2)).rejects.toMatchObject(failure);
  });

  const broken = (what: "open" | "restore" | "close"): StateMachine => {
    return Object.assign(new DiskJournalMachine(), {
      [what]: () => Promise.reject(new Error("said the state machine")),
    });
  };
  const FAILED = {
    name: "RaftHostError",
    code: "RAFT_HOST_APPLY_FAILED",
    outcome: "unknown",
    cause: { message: "said the state machine" },
  };

  test("with a state machine that does not open fails by name", async () => {
    world = new HostWorld();
    const { host } = await start(1);
    const init = { group: 1, stateMachine: broken("open"), founders: FOUNDERS };
    await expect(host.openGroup(init)).rejects.toMatchObject(FAILED);
  });

  test("with a state machine that does not close fails by name, and closes the rest", async () => {
    world = new HostWorld();
    const { host } = await start(1);
    const closed: number[] = [];
    for (const group of [1, 2, 3]) {
      const close = (): Promise<void> => Promise.resolve(void closed.push(group));
      const whole = Object.assign(new JournalMachine(), { close });
      const stateMachine = group === 3 ? whole : broken("close");
      await host.openGroup({ group, stateMachine, founders: FOUNDERS });
    }
    await expect(host.closeGroup(1)).rejects.toMatchObject(FAILED);
    await expect(host.close()).rejects.toMatchObject(FAILED);
    expect(closed).toEqual([3]);
    expect(world.network.end(1)).toBeUndefined();
  });

  test("where snapshots cannot be listed fails by name", async () => {
    world = new HostWorld();
    const fileSystem = new MemoryFileSystem();
    fileSystem.list = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
    await expect(start(1, new StubLog(), fileSystem)).rejects.toMatchObject({
      name: "RaftHostError",
      code: "RAFT_HOST_FILES_FAILED",
      outcome: "not-applied",
      cause: { code: "EIO" },
    });
  });
});
