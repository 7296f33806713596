/** What no correct host sends, and what callers should not ask: counted and refused, and nothing else. */

import { afterEach, expect, test } from "vitest";
import { encodeConfigChange } from "../../src/core/config-change.js";
import { foundingConfig } from "../../src/core/configuration.js";
import { toLogIndex, toNodeId, toTerm } from "../../src/core/ids.js";
import type { PeerMessage } from "../../src/core/message.js";
import type { RaftGroup } from "../../src/host/raft-group.js";
import { encodeFrame, FRAME_VERSION } from "../../src/host/wire/frame-codec.js";
import { HostWorld } from "./support/host-world.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

const ENDS = { from: toNodeId(2), to: toNodeId(1) };
/** The largest number that fits a frame. */
const ABSURD = Number.MAX_SAFE_INTEGER;

let world = new HostWorld();
let drops: string[] = [];

afterEach(async () => {
  await world.close();
});

async function three(): Promise<RaftGroup> {
  drops = [];
  world = new HostWorld({
    host: { observer: { onDropped: (_, reason, detail) => drops.push(`${reason}: ${detail}`) } },
  });
  await world.startGroup(3, () => new JournalMachine());
  const leader = await world.leader();
  drops = [];
  return leader;
}

/** Host 1 gets a frame that seems to come from host 2. */
async function receive(frame: Uint8Array): Promise<void> {
  world.network.end(1)!.handler!.onFrame(ENDS.from, frame);
  await world.flush();
}

async function expectUnharmed(leader: RaftGroup, term: number): Promise<void> {
  await world.settled(leader.propose(bytes("still here")));
  await world.run(300);
  for (const { host } of world.machines.values()) {
    expect(host.group(1)!.status()).toMatchObject({ state: "running", term });
  }
}

test("a message for a group that is not here is dropped and counted", async () => {
  const leader = await three();
  const { term } = leader.status();
  const message = { type: "heartbeat-request", ...ENDS, term, readPosition: 0 } as const;
  await receive(encodeFrame([{ group: 99, message: { ...message, commit: toLogIndex(0) } }]));
  expect(drops).toEqual(["unknown-group: group 99: heartbeat-request"]);
  await expectUnharmed(leader, term);
});

const LAST = { index: toLogIndex(1), term: toTerm(1) };
const absurd: readonly [string, PeerMessage][] = [
  [
    "a heartbeat",
    {
      type: "heartbeat-request",
      ...ENDS,
      term: toTerm(ABSURD),
      commit: LAST.index,
      readPosition: 0,
    },
  ],
  [
    "a campaign",
    {
      type: "vote-request",
      ...ENDS,
      term: toTerm(ABSURD),
      last: LAST,
      isTransfer: true,
      priority: 0,
    },
  ],
  ["an answer", { type: "append-response", ...ENDS, term: toTerm(ABSURD), index: LAST.index }],
];

test.each(absurd)("%s of an absurd term raises nobody's term", async (_, message) => {
  const leader = await three();
  const { term } = leader.status();
  await receive(encodeFrame([{ group: 1, message }]));
  expect(drops).toEqual([`refused: ${message.type}: RAFT_BAD_MESSAGE`]);
  await expectUnharmed(leader, term);
});

test("an acknowledgement of what the leader does not have is refused", async () => {
  const leader = await three();
  const { term, id } = leader.status();
  const from = toNodeId(id === 1 ? 2 : 1);
  const index = toLogIndex(1_000_000);
  const message = { type: "append-response", from, to: id, term, index } as const;
  world.network.end(id)!.handler!.onFrame(from, encodeFrame([{ group: 1, message }]));
  await world.flush();
  expect(drops).toEqual(["refused: append-response: RAFT_BAD_MESSAGE"]);
  await expectUnharmed(leader, term);
});

const STRANGER = toNodeId(77);

/** Host `to` gets a message that comes from a node in no group. */
async function receiveFromStranger(to: number, message: PeerMessage): Promise<void> {
  world.network.end(to)!.handler!.onFrame(STRANGER, encodeFrame([{ group: 1, message }]));
  await world.run(300);
}

test.each([
  ["one that no state machine takes", { type: "normal", data: Uint8Array.of(255) }],
  [
    "a change of members",
    encodeConfigChange({
      transition: "auto",
      changes: [{ operation: "add-voter", node: STRANGER }],
    }),
  ],
] as const)("a proposal in a frame is dropped: %s", async (_, entry) => {
  const leader = await three();
  const { term, id, lastIndex } = leader.status();
  const ends = { from: STRANGER, to: id };
  await receiveFromStranger(id, { type: "propose-request", ...ends, entries: [entry] });
  expect(drops).toEqual(["malformed: group 1: a proposal in a frame"]);
  expect(leader.status().lastIndex).toBe(lastIndex);
  await expectUnharmed(leader, term);
});

test("who is no member neither reads nor moves the leadership", async () => {
  const leader = await three();
  const { term, id } = leader.status();
  const ends = { from: STRANGER, to: id };
  await receiveFromStranger(id, { type: "read-request", ...ends, context: 1 });
  const transferee = toNodeId(id === 1 ? 2 : 1);
  await receiveFromStranger(id, { type: "transfer-request", ...ends, term, transferee });
  expect(drops).toEqual([
    "no-member: group 1: read-request",
    "no-member: group 1: transfer-request",
  ]);
  expect(leader.role).toBe("leader");
  await expectUnharmed(leader, term);
});

const NOBODY = { ...foundingConfig({ voters: [] }), learners: [toNodeId(4)] };
test.each([
  ["without voters", NOBODY],
  ["with a voter that is a learner", { ...NOBODY, voters: [toNodeId(4)] }],
  ["of a later entry", { ...NOBODY, voters: [toNodeId(1)], changedAt: toLogIndex(9) }],
])("a snapshot with a configuration %s stops no joiner", async (_, config) => {
  await three();
  await world.start(4);
  const joiner = await world.open(4, new JournalMachine());
  drops = [];
  const snapshot = { meta: { ...LAST, config }, data: new Uint8Array(0) };
  const ends = { from: STRANGER, to: toNodeId(4) };
  await receiveFromStranger(4, { type: "snapshot-request", ...ends, term: LAST.term, snapshot });
  expect(drops).toEqual(["refused: snapshot-request: RAFT_BAD_MESSAGE"]);
  expect(joiner.status()).toMatchObject({ state: "running", config: { voters: [] } });
});

test("types of a newer release are passed over, and entries of an unknown type drop the frame", async () => {
  const leader = await three();
  const { term } = leader.status();
  // Length 3, code 200, group 1, one byte.
  await receive(Uint8Array.of(FRAME_VERSION, 3, 0, 0, 0, 200, 1, 42));
  expect(drops).toEqual([]);
  // An append-request: term, previous, commit, one entry of type 9.
  await receive(Uint8Array.of(FRAME_VERSION, 10, 0, 0, 0, 5, 1, term, 0, 0, 0, 1, 9, 0, 0));
  expect(drops).toHaveLength(1);
  expect(drops[0]).toContain("malformed");
  await expectUnharmed(leader, term);
});

test("a command over the limit is refused, alone, and is in nobody's log", async () => {
  const leader = await three();
  const { term, lastIndex } = leader.status();
  const tooLarge = leader.propose(new Uint8Array(3 * 1024 * 1024));
  await expect(tooLarge).rejects.toMatchObject({
    code: "RAFT_ENTRY_TOO_LARGE",
    outcome: "not-applied",
  });
  expect(leader.status().lastIndex).toBe(lastIndex);
  await expectUnharmed(leader, term);
});

test("calls with impossible arguments are the caller's mistake, and the group's to survive", async () => {
  const leader = await three();
  const { term } = leader.status();
  expect(() => leader.transferLeadership(0)).toThrow(RangeError);
  expect(() => leader.transferLeadership(1.5)).toThrow(RangeError);
  expect(() => leader.readIndex({ timeoutMs: 0 })).toThrow(RangeError);
  const malformed = { transition: "auto", changes: [{ operation: "add-voter", node: -1 }] };
  await expect(leader.changeConfig(malformed as never)).rejects.toThrow();
  await expect(leader.changeConfig({ transition: "auto" } as never)).rejects.toThrow(TypeError);
  await expectUnharmed(leader, term);
});
