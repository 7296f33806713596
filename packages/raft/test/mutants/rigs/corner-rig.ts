/** Small worlds, each made for one corner that random groups of cores come to too rarely. */

import { isRaftError } from "../../../src/core/index.js";
import type { CoreViolation } from "../../core-world/core-world.js";
import { LoneFollower } from "./lone-follower.js";
import { RandomGroup } from "./random-group.js";

type Rigs = Readonly<Record<string, (seed: number) => Promise<CoreViolation | undefined>>>;

/** To the other voters, and back. */
const CHANGES = ["v2 v3 r4 r5", "v4 v5 r2 r3"];
/** Voters 4 and 5, and 2 and 3. */
const SIDES = [0b11000, 0b00110];
const READ_STEPS = 2000;
const OUTAGE_STEPS = 150;
/** A run is short, and most changes are settled by its end. */
const OUTAGES = 20;

function watched(run: () => string | undefined): Promise<CoreViolation | undefined> {
  try {
    const violation = run();
    if (typeof violation !== "string") return Promise.resolve(undefined);
    return Promise.resolve({ violation, isSelfReported: false });
  } catch (error) {
    const violation = error instanceof Error ? error.message : String(error);
    return Promise.resolve({ violation, isSelfReported: isRaftError(error) });
  }
}

/** Leaders that do not know that they are none are read at; members change to and fro through joint configurations. */
function readALot(seed: number): undefined {
  const group = new RandomGroup(seed, {
    voters: [1, 4, 5],
    preVote: false,
    checkQuorum: false,
    maxPromotionLag: 1000,
    stepDownOnRemoval: seed % 2 === 0,
  });
  for (let step = 0; step < READ_STEPS; step += 1) {
    const what = group.next(100);
    if (what < 70) group.deliver();
    else if (what < 80) group.read();
    else if (what < 88) group.propose();
    else if (what < 90) group.campaign();
    else if (what < 91) group.split();
    else if (what < 92) group.changeMembers("", "auto");
    else if (what < 94) {
      // Old and new voters part when few have heard of it.
      group.changeMembers(group.pickOf(CHANGES), "explicit");
      group.deliverSome(24);
      if (group.next(2) === 0) group.split(group.pickOf(SIDES));
    } else group.tick();
  }
}

/** After some time fewer than half of the voters are down for good, and the others have to go on. */
function loseAFew(seed: number): string | undefined {
  const group = new RandomGroup(seed, { voters: [1, 2], learners: [3], maxPromotionLag: 1000 });
  for (let step = 0; step < OUTAGE_STEPS; step += 1) {
    const what = group.next(100);
    if (what < 70) group.deliver();
    else if (what < 78) group.propose();
    else if (what < 80) group.campaign();
    else if (what < 82) group.split();
    else if (what < 90)
      group.changeMembers(`${group.pickOf(["v", "l", "r"])}${1 + group.next(5)}`, "auto");
    else group.tick();
  }
  // The last change has not come to all.
  if (group.next(2) === 0) {
    group.changeMembers(`v${1 + group.next(5)}`, "auto");
    group.deliverSome(24);
    group.propose();
    group.deliverSome(8);
  }
  // Somebody has to be up who knows who decides: nobody else could find out.
  const states = group.nodes.map(({ id, core }) => ({ id, config: core.status().config }));
  const newest = Math.max(...states.map(({ config }) => config.changedAt));
  const knowing = states.filter(({ config }) => config.changedAt === newest);
  const { voters = [], votersOutgoing = [] } = knowing[0]?.config ?? {};
  const spared = knowing.find(({ id }) => voters.some((voter) => voter === id))?.id;
  if (spared === undefined || votersOutgoing.length > 0) return undefined;
  // What is about to change may need those who are lost.
  if (group.hasChangeAfter(newest)) return undefined;
  const others = voters.filter((voter) => voter !== spared);
  const down = new Set<number>();
  while (down.size * 2 + 2 < voters.length) down.add(others[group.next(others.length)] ?? 0);
  group.takeDown(down);
  if (group.worksAgain()) return undefined;
  return `with ${[...down].join()} of ${voters.join()} down, nobody commits`;
}

/** Each returns what went wrong, undefined when nothing did. */
export const rigs: Rigs = {
  follower: (seed) => watched(() => new LoneFollower(seed).run()),
  reads: (seed) => watched(() => readALot(seed)),
  outage: (seed) =>
    watched(() => {
      const seeds = Array.from({ length: OUTAGES }, (_, at) => seed * OUTAGES + at);
      return seeds.map((one) => loseAFew(one)).find((violation) => violation !== undefined);
    }),
};
