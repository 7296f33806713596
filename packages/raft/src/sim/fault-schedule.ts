/**
 * What goes wrong in a run, and when: plain data, so that a failing run can be made smaller by leaving
 * some of it out.
 */

import type { SeededRandom } from "../testing/seeded-random.js";
import type { SimSettings } from "./settings.js";

/** A node by its id; below 0: whoever leads the group of that number, without the sign. */
export type FaultTarget = number;

export type Fault =
  /** The process dies; with `power`, the machine too, and what was not synced is at the disk's mercy. */
  | {
      readonly kind: "crash";
      readonly on: FaultTarget;
      readonly power: boolean;
      readonly forMs: number;
    }
  | { readonly kind: "crash-all"; readonly power: boolean; readonly forMs: number }
  /** The process stands still, and goes on later as if nothing had happened. */
  | { readonly kind: "pause"; readonly on: FaultTarget; readonly forMs: number }
  /** The machine stands still, and its monotonic clock with it. */
  | { readonly kind: "suspend"; readonly on: FaultTarget; readonly forMs: number }
  /** Nothing comes through to the node, nor from it. */
  | { readonly kind: "isolate"; readonly on: FaultTarget; readonly forMs: number }
  /** Nodes whose bit is set in `side` do not reach the others. */
  | { readonly kind: "split"; readonly side: number; readonly forMs: number }
  /** One direction only; nobody is told. */
  | { readonly kind: "cut"; readonly on: FaultTarget; readonly to: number; readonly forMs: number }
  /** Percents of all frames. */
  | {
      readonly kind: "weather";
      readonly loss: number;
      readonly repeat: number;
      readonly overtake: number;
      readonly forMs: number;
    }
  /** Streams break off. */
  | { readonly kind: "break-streams"; readonly forMs: number }
  | {
      readonly kind: "slow-disk";
      readonly on: FaultTarget;
      readonly syncMs: number;
      readonly forMs: number;
    }
  /** Writes and syncs do not come back before the time is over. */
  | { readonly kind: "hang-disk"; readonly on: FaultTarget; readonly forMs: number }
  /** The next such operation fails. */
  | {
      readonly kind: "disk-error";
      readonly on: FaultTarget;
      readonly operation: "write" | "sync" | "sync-directory" | "create" | "rename" | "read";
      readonly code: "EIO" | "ENOSPC" | "EMFILE";
    }
  | {
      readonly kind: "full-disk";
      readonly on: FaultTarget;
      readonly room: number;
      readonly forMs: number;
    }
  /** Wall time jumps. */
  | { readonly kind: "jump-clock"; readonly on: FaultTarget; readonly byMs: number }
  | { readonly kind: "transfer"; readonly group: number; readonly to: number }
  | { readonly kind: "campaign"; readonly group: number; readonly on: number }
  | { readonly kind: "change-members"; readonly group: number; readonly dice: number }
  /** A group is closed on a node, and opened again. */
  | {
      readonly kind: "reopen-group";
      readonly group: number;
      readonly on: FaultTarget;
      readonly forMs: number;
    }
  /** A member is removed, its group removed where it was, and opened again: it may be added back. */
  | {
      readonly kind: "remove-group";
      readonly group: number;
      readonly dice: number;
      readonly forMs: number;
    }
  /** The process is down for a while, and meanwhile a bit of its log flips. */
  | {
      readonly kind: "rot";
      readonly on: FaultTarget;
      readonly dice: number;
      readonly forMs: number;
    }
  /** The disk is gone for good, and with it the node: another takes its place. */
  | { readonly kind: "wipe"; readonly on: FaultTarget };

export interface TimedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

export type FaultSchedule = readonly TimedFault[];

/** Draws what goes wrong. */
export function drawSchedule(random: SeededRandom, settings: SimSettings): FaultSchedule {
  const schedule: TimedFault[] = [];
  const meanMs = random.pick([40, 100, 200]);
  let atMs = random.between(100, 400);
  while (atMs < settings.chaosMs) {
    schedule.push({ atMs, fault: drawFault(random, settings) });
    atMs += random.between(1, 2 * meanMs);
  }
  return schedule;
}

type Draw = (random: SeededRandom, settings: SimSettings) => Fault;

const DRAWS: readonly (readonly [weight: number, draw: Draw])[] = [
  [
    8,
    (random, settings) => ({
      kind: "crash",
      on: target(random, settings),
      power: random.isChance(60),
      forMs: random.between(1, 500),
    }),
  ],
  [
    1,
    (random) => ({ kind: "crash-all", power: random.isChance(70), forMs: random.between(1, 200) }),
  ],
  [
    4,
    (random, settings) => ({
      kind: "pause",
      on: target(random, settings),
      forMs: random.pick([50, 200, 600]),
    }),
  ],
  [
    1,
    (random, settings) => ({
      kind: "suspend",
      on: target(random, settings),
      forMs: random.between(100, 500),
    }),
  ],
  [
    4,
    (random, settings) => ({
      kind: "isolate",
      on: target(random, settings),
      forMs: random.between(50, 700),
    }),
  ],
  [
    3,
    (random, settings) => ({
      kind: "split",
      side: random.nextInt(2 ** (settings.founders + settings.spares)),
      forMs: random.between(50, 700),
    }),
  ],
  [
    4,
    (random, settings) => ({
      kind: "cut",
      on: target(random, settings),
      to: anyNode(random, settings),
      forMs: random.between(50, 700),
    }),
  ],
  [
    4,
    (random) => ({
      kind: "weather",
      loss: random.pick([0, 5, 30]),
      repeat: random.pick([0, 10, 40]),
      overtake: random.pick([0, 20, 60]),
      forMs: random.between(100, 1000),
    }),
  ],
  [3, (random) => ({ kind: "break-streams", forMs: random.pick([50, 300, 800]) })],
  [
    2,
    (random, settings) => ({
      kind: "slow-disk",
      on: target(random, settings),
      syncMs: random.pick([10, 50, 200]),
      forMs: random.between(100, 600),
    }),
  ],
  [
    2,
    (random, settings) => ({
      kind: "hang-disk",
      on: target(random, settings),
      forMs: random.between(50, 600),
    }),
  ],
  [4, drawDiskError],
  [
    2,
    (random, settings) => ({
      kind: "full-disk",
      on: target(random, settings),
      room: random.nextInt(8192),
      forMs: random.between(100, 600),
    }),
  ],
  [
    1,
    (random, settings) => ({
      kind: "jump-clock",
      on: target(random, settings),
      byMs: random.between(-(10 ** 9), 10 ** 9),
    }),
  ],
  [
    4,
    (random, settings) => ({
      kind: "transfer",
      group: anyGroup(random, settings),
      to: anyNode(random, settings),
    }),
  ],
  [
    1,
    (random, settings) => ({
      kind: "campaign",
      group: anyGroup(random, settings),
      on: anyNode(random, settings),
    }),
  ],
  [
    3,
    (random, settings) => ({
      kind: "reopen-group",
      group: anyGroup(random, settings),
      on: target(random, settings),
      forMs: random.between(1, 300),
    }),
  ],
];

const CHANGES: readonly (readonly [weight: number, draw: Draw])[] = [
  [
    10,
    (random, settings) => ({
      kind: "change-members",
      group: anyGroup(random, settings),
      dice: random.nextInt(2 ** 20),
    }),
  ],
  [
    4,
    (random, settings) => ({
      kind: "remove-group",
      group: anyGroup(random, settings),
      dice: random.nextInt(2 ** 20),
      forMs: random.between(1, 100),
    }),
  ],
];

const WIPES: readonly (readonly [weight: number, draw: Draw])[] = [
  [3, (random, settings) => ({ kind: "wipe", on: target(random, settings) })],
  [
    8,
    (random, settings) => ({
      kind: "rot",
      on: target(random, settings),
      dice: random.nextInt(2 ** 30),
      forMs: random.between(1, 100),
    }),
  ],
];

function drawFault(random: SeededRandom, settings: SimSettings): Fault {
  const draws = [...DRAWS, ...(settings.changesMembers ? CHANGES : WIPES)];
  const total = draws.reduce((sum, [weight]) => sum + weight, 0);
  let left = random.nextInt(total);
  for (const [weight, draw] of draws) {
    if (left < weight) return draw(random, settings);
    left -= weight;
  }
  throw new Error("assertion: weights do not add up");
}

function drawDiskError(random: SeededRandom, settings: SimSettings): Fault {
  const operation = random.pick([
    "write",
    "sync",
    "sync",
    "sync-directory",
    "create",
    "rename",
    "read",
  ] as const);
  const isShortage = operation === "write" || operation === "create";
  const code = isShortage ? random.pick(["EIO", "ENOSPC", "EMFILE"] as const) : "EIO";
  return { kind: "disk-error", on: target(random, settings), operation, code };
}

/** Leaders suffer more than others. */
function target(random: SeededRandom, settings: SimSettings): FaultTarget {
  return random.isChance(40) ? -anyGroup(random, settings) : anyNode(random, settings);
}

function anyNode(random: SeededRandom, { founders, spares }: SimSettings): number {
  return random.between(1, founders + spares);
}

function anyGroup(random: SeededRandom, { groups }: SimSettings): number {
  return random.between(1, groups);
}
