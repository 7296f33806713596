/** What an observer of a node is told, and what a look at it shows. */

import { expect, test } from "vitest";
import { type CoreEvent, foundingConfig, MemoryStorage, RaftCore } from "../../src/core/index.js";
import {
  appendResponse,
  at,
  heartbeat,
  snapshotRequest,
  voteRequest,
} from "../support/messages.js";
import { seededRandom } from "../support/seeded-random.js";

function observed(id: number): { core: RaftCore; events: CoreEvent[] } {
  const events: CoreEvent[] = [];
  const storage = new MemoryStorage(foundingConfig({ voters: [1, 2, 3] }));
  const observer = (event: CoreEvent): void => void events.push(event);
  const core = new RaftCore({ id, storage, random: seededRandom(1), observer }, { preVote: true });
  events.length = 0;
  return { core, events };
}

test("an observer sees a campaign, its end, and who leads", () => {
  const { core, events } = observed(1);
  core.campaign();
  core.step(heartbeat({ from: 2, to: 1, term: 1 }));
  expect(events).toEqual([
    { type: "became", role: "pre-candidate", term: 0 },
    { type: "campaigning", term: 1, isPreVote: true },
    { type: "became", role: "follower", term: 1, leader: 2 },
  ]);
});

test("an observer sees votes, ignored messages and restored snapshots", () => {
  const { core, events } = observed(1);
  core.step(voteRequest({ from: 2, to: 1, term: 1 }));
  core.step(heartbeat({ from: 2, to: 1, term: 1 }));
  core.step(voteRequest({ from: 3, to: 1, term: 9 }));
  core.step(snapshotRequest({ from: 2, to: 1, term: 1, at: at(1, 5) }));
  expect(events.map(({ type }) => type)).toEqual([
    "became",
    "voted",
    "message-ignored",
    "configuration-changed",
    "snapshot-restored",
  ]);
});

test("the getters show what the status shows", () => {
  const { core } = observed(1);
  core.step(voteRequest({ from: 2, to: 1, term: 4 }));
  core.step(heartbeat({ from: 2, to: 1, term: 4 }));
  core.step(appendResponse({ from: 2, to: 1, term: 4, index: 0 }));
  const { id, term, role, leader, commitIndex, appliedIndex, lastIndex } = core;
  expect(core.status()).toMatchObject({
    id,
    term,
    role,
    leader,
    commitIndex,
    appliedIndex,
    lastIndex,
  });
  expect({ id, term, role, leader }).toEqual({ id: 1, term: 4, role: "follower", leader: 2 });
});
