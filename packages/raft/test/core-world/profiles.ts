/** What happens how often, in different kinds of weather: bugs hide in different corners. */

export const ACTIONS = [
  "deliver",
  "tick",
  "write",
  "apply",
  "propose",
  "read",
  "change-members",
  "transfer",
  "compact",
  "unreachable",
  "snapshot-status",
  "forget-leader",
  "split",
  "hold",
  "stall-disk",
  "crash",
  "campaign",
] as const;

export type Action = (typeof ACTIONS)[number];

type Weights = Readonly<Record<Action, number>>;

const MIXED: Weights = {
  deliver: 440,
  tick: 120,
  write: 140,
  apply: 80,
  propose: 70,
  read: 40,
  "change-members": 30,
  transfer: 10,
  compact: 20,
  unreachable: 7,
  "snapshot-status": 7,
  "forget-leader": 6,
  split: 4,
  hold: 4,
  "stall-disk": 4,
  crash: 13,
  campaign: 12,
};

/** Leaders come and go, members hardly. */
const ELECTIONS: Weights = {
  ...MIXED,
  "change-members": 2,
  propose: 90,
  crash: 15,
  campaign: 40,
  "stall-disk": 8,
};

/** Long partitions, behind which old leaders go on for a while. */
const PARTITIONS: Weights = {
  ...MIXED,
  tick: 250,
  read: 80,
  "change-members": 3,
  crash: 3,
  split: 2,
  hold: 6,
};

/** Members change all the time, and are slow to hear of it. */
const MEMBERS: Weights = { ...MIXED, "change-members": 90, apply: 50, transfer: 20, compact: 5 };

export const PROFILES: readonly Weights[] = [MIXED, ELECTIONS, PARTITIONS, MEMBERS];

/** Draws an action. */
export function drawAction(weights: Weights, next: (bound: number) => number): Action {
  let total = 0;
  for (const action of ACTIONS) total += weights[action];
  let left = next(total);
  for (const action of ACTIONS) {
    left -= weights[action];
    if (left < 0) return action;
  }
  throw new Error("weights do not add up");
}
