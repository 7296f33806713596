/** Messages of every legal size fit the frames of the transport, or the host says so before it begins. */

import { afterEach, describe, expect, test } from "vitest";
import { HostWorld } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

let world = new HostWorld();

afterEach(async () => {
  await world.close();
});

const VOTERS = [1, 2, 3];
const KIB = 1024;

describe("a group whose messages would not fit a frame", () => {
  test.each([
    { name: "maxEntryBytes", options: { maxEntryBytes: 64 * KIB, maxAppendBytes: KIB } },
    { name: "maxAppendBytes", options: { maxEntryBytes: KIB, maxAppendBytes: 64 * KIB } },
  ])("is refused when it is opened: $name", async ({ name, options }) => {
    world = new HostWorld({ host: { maxFrameBytes: 4 * KIB } });
    world.network.maxFrameBytes = 64 * KIB;
    await world.start(1);
    const opened = world.open(1, new JournalMachine(), { founders: { voters: [1] }, options });
    await expect(opened).rejects.toMatchObject({
      name: "RaftHostError",
      code: "RAFT_HOST_SETTINGS_CONFLICT",
      outcome: "not-applied",
      message: expect.stringMatching(
        `^${name} is \\d+, .*maxFrameBytes of the transport is 65536$`,
      ),
    });
    // Nothing of it is left: with other settings it opens.
    const fitting = { maxEntryBytes: KIB, maxAppendBytes: KIB };
    const founders = { voters: [1] };
    await world.open(1, new JournalMachine(), { founders, options: fitting });
  });

  test("is refused for the host, too", async () => {
    world = new HostWorld({ host: { maxFrameBytes: 64 * KIB } });
    world.network.maxFrameBytes = 64 * KIB - 1;
    await expect(world.start(1)).rejects.toMatchObject({
      code: "RAFT_HOST_SETTINGS_CONFLICT",
      message: expect.stringContaining("maxFrameBytes of the transport is 65535"),
    });
  });
});

test("the largest entries and the fullest appends arrive, whatever else is in their frames", async () => {
  const sizes: number[] = [];
  world = new HostWorld({
    host: { maxFrameBytes: 8 * KIB, observer: { onFrameSent: (_, size) => sizes.push(size) } },
  });
  world.network.maxFrameBytes = 8 * KIB;
  const largest = 8 * KIB - 160 - 25;
  const options = { maxEntryBytes: largest, maxAppendBytes: 8 * KIB - 128 };
  const machines = VOTERS.map(() => new JournalMachine());
  await world.startGroup(3, (id) => machines[id - 1]!, { options });
  const leader = await world.leader();
  const words = [1, largest, 10, 4000, 4000, 4000, largest, largest, 1].map((n) => "x".repeat(n));
  const calls = words.map((word) => leader.propose(bytes(word)));
  await world.settled(Promise.all(calls));
  await world.run(500);
  for (const { lines } of machines) expect(lines).toEqual(words);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * KIB);
  expect(Math.max(...sizes)).toBeGreaterThan(7 * KIB);
});
