import { ManualClock, MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import { afterEach, describe, expect, test } from "vitest";
import { toLogIndex, toNodeId } from "../../src/core/index.js";
import type { HostObserver } from "../../src/host/observer.js";
import type { RaftHostOptions } from "../../src/host/options.js";
import { RaftHost } from "../../src/host/raft-host.js";
import { decodeFrame, encodeFrame } from "../../src/host/wire/frame-codec.js";
import { RaftWalError } from "../../src/wal/errors.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";
import { MemoryNetwork } from "./support/memory-network.js";
import { StubLog } from "./support/stub-log.js";

const VOTERS = [1, 2, 3];

/** Three hosts with many groups each, over logs in the test's hands. */
class Rig {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly logs = new Map(VOTERS.map((id) => [id, new StubLog()]));
  readonly hosts = new Map<number, RaftHost>();
  readonly machines = new Map<string, JournalMachine>();

  freeBytes = 2 ** 40;

  async start(groups: number, options: RaftHostOptions = {}): Promise<void> {
    for (const id of VOTERS) {
      const { clock } = this;
      const host = await RaftHost.start(
        {
          nodeId: id,
          log: this.logs.get(id)!,
          transport: this.network.transport(id),
          ports: { clock, random: new SeededRandom(id), defer: (run) => queueMicrotask(run) },
          snapshots: { fileSystem: new MemoryFileSystem(), directory: "/snapshots" },
          freeBytes: () => Promise.resolve(id === 1 ? this.freeBytes : 2 ** 40),
        },
        options,
      );
      this.hosts.set(id, host);
      for (let group = 1; group <= groups; group += 1) {
        const machine = new JournalMachine();
        this.machines.set(`${id}/${group}`, machine);
        await host.openGroup({ group, stateMachine: machine, founders: { voters: VOTERS } });
      }
    }
  }

  group(id: number, group = 1) {
    return this.hosts.get(id)!.group(group)!;
  }

  /** Makes host 1 the leader of all groups. */
  async lead(): Promise<void> {
    for (const group of this.hosts.get(1)!.groups()) group.campaign();
    await this.run(10);
    for (const group of this.hosts.get(1)!.groups()) expect(group.role).toBe("leader");
  }

  async run(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 1) {
      this.clock.advance(1);
      await this.flush();
    }
  }

  flush(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  async close(): Promise<void> {
    for (const log of this.logs.values()) {
      log.isOpen = true;
      log.letThrough();
    }
    for (const host of this.hosts.values()) await host.close();
  }
}

let rig = new Rig();

afterEach(async () => {
  await rig.close();
  rig = new Rig();
});

describe("a turn", () => {
  test("writes what a hundred groups have to write in one batch", async () => {
    await rig.start(100);
    await rig.lead();
    const log = rig.logs.get(1)!;
    log.batches.length = 0;
    const proposals = rig.hosts
      .get(1)!
      .groups()
      .map((group) => group.propose(bytes("x")));
    await rig.run(5);
    await Promise.all(proposals);
    expect(log.batches).toHaveLength(1);
    expect(log.batches[0]).toHaveLength(100);
  });

  test("sends one frame to each peer, whatever the number of groups", async () => {
    await rig.start(100);
    await rig.lead();
    const frames: string[] = [];
    rig.network.onFrame = (from, to) => frames.push(`${from}>${to}`);
    const proposals = rig.hosts
      .get(1)!
      .groups()
      .map((group) => group.propose(bytes("x")));
    await rig.flush();
    expect(frames.filter((link) => link.startsWith("1>")).sort()).toEqual(["1>2", "1>3"]);
    await rig.run(5);
    await Promise.all(proposals);
  });

  test("of a leader sends its appends before its own write is done", async () => {
    await rig.start(1);
    await rig.lead();
    const log = rig.logs.get(1)!;
    log.isOpen = false;
    const sent: string[] = [];
    rig.network.onFrame = (from, to, frame) => {
      if (from !== 1) return;
      const decoded = decodeFrame(frame, { from: toNodeId(from), to: toNodeId(to) });
      if ("messages" in decoded) sent.push(...decoded.messages.map(({ message }) => message.type));
    };
    const proposal = rig.group(1).propose(bytes("x"));
    await rig.run(1);
    expect(sent).toContain("append-request");
    // Two of three have it: it is committed, though not on the leader's own disk.
    await rig.run(5);
    expect(rig.machines.get("2/1")!.lines).toEqual(["x"]);
    expect(rig.machines.get("1/1")!.lines).toEqual([]);
    log.isOpen = true;
    log.letThrough();
    await rig.run(5);
    await proposal;
  });

  test("of a follower acknowledges nothing before it is durable", async () => {
    await rig.start(1);
    await rig.lead();
    for (const id of [2, 3]) rig.logs.get(id)!.isOpen = false;
    let isApplied = false;
    const proposal = rig.group(1).propose(bytes("x"));
    void proposal.then(() => {
      isApplied = true;
    });
    await rig.run(50);
    expect(isApplied).toBe(false);
    rig.logs.get(2)!.letThrough();
    await rig.run(5);
    expect(isApplied).toBe(true);
  });

  test("gives no vote before it is durable", async () => {
    await rig.start(1);
    for (const id of [2, 3]) rig.logs.get(id)!.isOpen = false;
    rig.group(1).campaign();
    await rig.run(50);
    expect(rig.group(1).role).toBe("candidate");
    rig.logs.get(3)!.letThrough();
    await rig.run(5);
    expect(rig.group(1).role).toBe("leader");
  });

  test("writes nothing for the sake of a commit index alone", async () => {
    await rig.start(1);
    await rig.lead();
    await rig.run(500);
    const log = rig.logs.get(2)!;
    log.batches.length = 0;
    const proposal = rig.group(1).propose(bytes("x"));
    await rig.run(300);
    await proposal;
    expect(log.batches).toHaveLength(1);
  });
});

describe("limits", () => {
  test("a batch larger than one write is cut, and its entries are all there", async () => {
    await rig.start(1, { maxWriteBytes: 2000 });
    await rig.lead();
    const log = rig.logs.get(1)!;
    log.batches.length = 0;
    const words = Array.from({ length: 100 }, (_, at) => `${at}`.padStart(100, "."));
    const proposals = words.map((word) => rig.group(1).propose(bytes(word)));
    await rig.run(20);
    await Promise.all(proposals);
    expect(log.batches.length).toBeGreaterThan(5);
    for (const id of VOTERS) expect(rig.machines.get(`${id}/1`)!.lines).toEqual(words);
  });

  test("proposals beyond the queue's bytes are refused, and nothing else is", async () => {
    await rig.start(1, { maxQueuedProposalBytes: 1000 });
    await rig.lead();
    const proposals = Array.from({ length: 20 }, () => rig.group(1).propose(bytes("x".repeat(99))));
    const settling = Promise.allSettled(proposals);
    await rig.run(5);
    const settled = await settling;
    const refused = settled.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(10);
    for (const one of refused) {
      expect(one).toMatchObject({
        reason: { code: "RAFT_HOST_OVERLOADED", outcome: "not-applied" },
      });
    }
    await rig.run(200);
    expect(rig.machines.get("3/1")!.lines).toHaveLength(10);
    // The room is given back.
    const next = rig.group(1).propose(bytes("again"));
    await rig.run(5);
    await next;
  });

  test("a proposal that is too large is refused at once", async () => {
    await rig.start(1);
    await rig.lead();
    await expect(rig.group(1).propose(new Uint8Array(3 * 1024 * 1024))).rejects.toMatchObject({
      code: "RAFT_ENTRY_TOO_LARGE",
      outcome: "not-applied",
    });
  });

  test("frames beyond the inbox's bytes are dropped and counted", async () => {
    const drops: string[] = [];
    const observer: HostObserver = { onDropped: (_, reason) => drops.push(reason) };
    await rig.start(1, { maxInboxBytes: 100, observer });
    const handler = rig.network.end(1)!.handler!;
    for (let at = 0; at < 5; at += 1) handler.onFrame(toNodeId(2), new Uint8Array(60));
    expect(drops).toEqual(["inbox-full", "inbox-full", "inbox-full", "inbox-full"]);
  });
});

describe("what goes wrong", () => {
  test("frames that are none are dropped and counted, and harm nothing", async () => {
    const drops: string[] = [];
    await rig.start(1, { observer: { onDropped: (_, reason) => drops.push(reason) } });
    const handler = rig.network.end(1)!.handler!;
    const random = new SeededRandom(7);
    for (let at = 0; at < 500; at += 1) {
      const frame = Uint8Array.from({ length: 1 + random.nextInt(60) }, () => random.nextInt(256));
      frame[0] = random.nextInt(4) === 0 ? frame[0]! : 1;
      handler.onFrame(toNodeId(2), frame);
    }
    await rig.flush();
    expect(drops.length).toBeGreaterThan(400);
    await rig.lead();
  });

  test("a group whose state machine throws stops alone, with unknown outcomes", async () => {
    const failed: number[] = [];
    await rig.start(2, { observer: { onGroupFailed: (group) => failed.push(group) } });
    await rig.lead();
    rig.machines.get("1/1")!.apply = () => {
      throw new Error("no");
    };
    const lost = expect(rig.group(1, 1).propose(bytes("x"))).rejects.toMatchObject({
      code: "RAFT_HOST_GROUP_FAILED",
      outcome: "unknown",
    });
    const other = rig.group(1, 2).propose(bytes("y"));
    await rig.run(10);
    await lost;
    await other;
    expect(failed).toEqual([1]);
    expect(rig.group(1, 1).status()).toMatchObject({ state: "failed", role: "follower" });
    // The other hosts elect another leader for it.
    await rig.run(3000);
    expect([rig.group(2, 1).role, rig.group(3, 1).role]).toContain("leader");
  });

  test("an update that contradicts the log stops its group, and no other", async () => {
    const failed: number[] = [];
    await rig.start(2, { observer: { onGroupFailed: (group) => failed.push(group) } });
    await rig.lead();
    const log = rig.logs.get(1)!;
    log.refusedGroup = 2;
    const good = rig.group(1, 1).propose(bytes("x"));
    const bad = expect(rig.group(1, 2).propose(bytes("y"))).rejects.toMatchObject({
      code: "RAFT_HOST_GROUP_FAILED",
    });
    await rig.run(10);
    await good;
    await bad;
    expect(failed).toEqual([2]);
  });

  test("a log without space refuses proposals, keeps what it has, and goes on when there is room", async () => {
    const space: boolean[] = [];
    await rig.start(1, { observer: { onSpace: (isShort) => space.push(isShort) } });
    await rig.lead();
    const log = rig.logs.get(1)!;
    log.isOpen = false;
    const first = rig.group(1).propose(bytes("first"), { timeoutMs: 60_000 });
    await rig.flush();
    log.fail(new RaftWalError({ code: "RAFT_WAL_DISK_FULL", message: "full" }));
    await rig.flush();
    expect(space).toEqual([true]);
    await expect(rig.group(1).propose(bytes("second"))).rejects.toMatchObject({
      code: "RAFT_HOST_NO_SPACE",
      outcome: "not-applied",
    });
    log.isOpen = true;
    await rig.run(200);
    expect(space).toEqual([true, false]);
    await first;
    for (const id of VOTERS) expect(rig.machines.get(`${id}/1`)!.lines).toEqual(["first"]);
  });

  test("a host that is low on space hands over, and takes only what frees space", async () => {
    await rig.start(1);
    await rig.lead();
    rig.freeBytes = 1000;
    await rig.run(2000);
    expect(rig.hosts.get(1)!.status()).toMatchObject({ isFit: false, isShortOfSpace: true });
    expect(rig.group(1).role).toBe("follower");
    await expect(rig.group(1).propose(bytes("no"))).rejects.toMatchObject({
      code: "RAFT_HOST_NO_SPACE",
    });
    // Not for want of space, but because it does not lead any more.
    const freeing = rig.group(1).propose(bytes("delete"), { freesSpace: true });
    const refused = expect(freeing).rejects.toMatchObject({ code: "RAFT_NOT_LEADER" });
    await rig.run(5);
    await refused;
    rig.freeBytes = 2 ** 40;
    await rig.run(2000);
    expect(rig.hosts.get(1)!.status()).toMatchObject({ isFit: true, isShortOfSpace: false });
  });

  test("a snapshot's pointer that comes in a frame is not believed", async () => {
    const drops: string[] = [];
    await rig.start(1, { observer: { onDropped: (_, reason) => drops.push(reason) } });
    await rig.lead();
    const { term, config } = rig.group(1).status();
    const ends = { from: toNodeId(1), to: toNodeId(2) };
    const meta = { term, index: toLogIndex(50), config };
    const snapshot = { meta, data: bytes("f../../secret") };
    const message = { type: "snapshot-request", ...ends, term, snapshot } as const;
    rig.network.end(2)!.handler!.onFrame(ends.from, encodeFrame([{ group: 1, message }]));
    await rig.run(100);
    expect(drops).toEqual(["malformed"]);
    expect(rig.group(2).status().state).toBe("running");
  });

  test("a leader whose disk hangs hands over, and leads no more while it does", async () => {
    const stalls: boolean[] = [];
    await rig.start(1, { observer: { onDiskStall: (isStalled) => stalls.push(isStalled) } });
    await rig.lead();
    rig.logs.get(1)!.isOpen = false;
    const caught = expect(
      rig.group(1).propose(bytes("x"), { timeoutMs: 60_000 }),
    ).resolves.toBeDefined();
    await rig.run(1500);
    expect(stalls).toEqual([true]);
    expect(rig.group(1).role).toBe("follower");
    expect([rig.group(2).role, rig.group(3).role]).toContain("leader");
    expect(rig.hosts.get(1)!.status().isFit).toBe(false);
    rig.logs.get(1)!.isOpen = true;
    rig.logs.get(1)!.letThrough();
    await rig.run(500);
    expect(stalls).toEqual([true, false]);
    expect(rig.hosts.get(1)!.status().isFit).toBe(true);
    await caught;
  });

  test("an event loop that stood still makes one tick, not a burst of them", async () => {
    const late: number[] = [];
    await rig.start(1, { observer: { onStall: (lateMs) => late.push(lateMs) } });
    await rig.lead();
    const { term } = rig.group(2).status();
    // The network is gone with the process: nothing is heard while time passes.
    const { clock } = rig;
    const stopped = clock.monotonicMs();
    clock.monotonicMs = () => stopped + 60_000;
    await rig.run(150);
    expect(late.length).toBeGreaterThan(0);
    for (const id of VOTERS) expect(rig.group(id).status().term).toBe(term);
    expect(rig.group(1).role).toBe("leader");
  });
});
