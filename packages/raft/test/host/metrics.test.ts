import { afterEach, describe, expect, test } from "vitest";
import type { HostObserver, LogWrite } from "../../src/host/observer.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

/** Three hosts, of which the first leads and is the one that is observed. */
async function observed(observer: HostObserver, machine = new JournalMachine()) {
  world = new HostWorld();
  await world.start(1, undefined, { observer });
  const [leader] = await world.startGroup(3, (id) => (id === 1 ? machine : new JournalMachine()));
  leader!.campaign();
  await world.until(() => leader!.role === "leader");
  await world.run(200);
  return leader!;
}

describe("a host's observer is told", () => {
  test("of each write to the log, what was in it and how it was written", async () => {
    const writes: LogWrite[] = [];
    const leader = await observed({ onWrite: (write) => writes.push(write) });
    writes.length = 0;
    const proposals = ["a", "b", "c"].map((word) => leader.propose(bytes(word.repeat(1000))));
    await world.settled(Promise.all(proposals));
    expect(writes).toHaveLength(1);
    expect(writes[0]).toMatchObject({ updates: 1, isSynced: true });
    expect(writes[0]!.bytes).toBeGreaterThan(3000);
    expect(writes[0]!.ms).toBeGreaterThanOrEqual(0);
  });

  test("of proposals by the turn, with the time from there to their being applied", async () => {
    const applied: [number, number, number][] = [];
    const leader = await observed({ onApplied: (...told) => applied.push(told) });
    applied.length = 0;
    const first = [1, 2, 3].map((at) => leader.propose(bytes(`${at}`)));
    await world.flush();
    await world.run(1);
    const second = leader.propose(bytes("4"));
    await world.settled(Promise.all([...first, second]));
    // There and back is two milliseconds.
    expect(applied.map(([group, count]) => [group, count])).toEqual([
      [1, 3],
      [1, 1],
    ]);
    for (const [, , ms] of applied) expect(ms).toBeGreaterThanOrEqual(2);
  });

  test("of what the state machine was given, by the batch", async () => {
    const commands: [number, number, number][] = [];
    const machine = new JournalMachine();
    machine.isSlow = true;
    const leader = await observed({ onCommands: (...told) => commands.push(told) }, machine);
    await world.settled(Promise.all([leader.propose(bytes("a")), leader.propose(bytes("b"))]));
    expect(commands.map(([group, count]) => [group, count])).toEqual([[1, 2]]);
  });

  test("of reads by the round", async () => {
    const reads: [number, number, number][] = [];
    const leader = await observed({ onReads: (...told) => reads.push(told) });
    await world.settled(Promise.all([leader.readIndex(), leader.readIndex()]));
    expect(reads.map(([group, count]) => [group, count])).toEqual([[1, 2]]);
    expect(reads[0]![2]).toBeGreaterThanOrEqual(2);
  });

  test("of frames and their bytes, in both directions", async () => {
    const sent = { frames: 0, bytes: 0 };
    const received = { frames: 0, bytes: 0 };
    const leader = await observed({
      onFrameSent: (_, size, isTaken) => {
        sent.frames += isTaken ? 1 : 0;
        sent.bytes += size;
      },
      onFrameReceived: (_, size) => {
        received.frames += 1;
        received.bytes += size;
      },
    });
    const before = { ...sent };
    await world.settled(leader.propose(bytes("x".repeat(5000))));
    expect(sent.frames - before.frames).toBeGreaterThanOrEqual(2);
    expect(sent.bytes - before.bytes).toBeGreaterThan(10_000);
    expect(received.frames).toBeGreaterThan(0);
    expect(received.bytes).toBeGreaterThan(0);
  });
});
