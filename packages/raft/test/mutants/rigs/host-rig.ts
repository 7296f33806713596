/** Whole hosts on simulated disks and networks, as the hunt for bugs runs them. */

import {
  drawSettings,
  type FaultSchedule,
  runSeed,
  type SimSettings,
} from "../../../src/sim/index.js";
import { SeededRandom } from "../../../src/testing/seeded-random.js";

interface Seen {
  readonly violation: string;
  /** A host failed, by an error of its own. */
  readonly isSelfReported: boolean;
}

type Rigs = Readonly<Record<string, (seed: number) => Promise<Seen | undefined>>>;

/** What the simulator draws for a seed. */
function drawn(seed: number): SimSettings {
  return drawSettings(new SeededRandom(seed, 2));
}

function withHost(seed: number, host: object): Partial<SimSettings> {
  const settings = drawn(seed);
  return { host: { ...settings.host, ...host } };
}

async function run(
  seed: number,
  settings: Partial<SimSettings> = {},
  schedule?: FaultSchedule,
): Promise<{ readonly seen: Seen | undefined; readonly elections: number }> {
  const options = schedule === undefined ? { settings } : { settings, schedule };
  const { violation, coverage } = await runSeed(seed, options);
  const elections = coverage["leader-elected"];
  if (violation === undefined) return { seen: undefined, elections };
  const { invariant, message } = violation;
  const isSelfReported = invariant === "no-failure";
  return { seen: { violation: `${invariant}: ${message}`, isSelfReported }, elections };
}

function unless(holds: boolean, violation: string): Seen | undefined {
  return holds ? undefined : { violation, isSelfReported: false };
}

/** Three hosts, one group, whose members stay. */
function plain(seed: number): Partial<SimSettings> {
  const host = { ...drawn(seed).host, quiesceTicks: 1000 };
  return { founders: 3, spares: 0, groups: 1, changesMembers: false, chaosMs: 6000, host };
}

const AT_MS = 2000;
const LONG_MS = 3000;

/** Whoever leads is cut off, stands still or hands over, twice a second; others restart. */
function lonelyLeaders(seed: number): FaultSchedule {
  const random = new SeededRandom(seed, 9);
  return Array.from({ length: 12 }, (_, at): FaultSchedule[number] => {
    const forMs = random.between(100, 400);
    const faults = [
      { kind: "isolate", on: -1, forMs },
      { kind: "isolate", on: -1, forMs },
      { kind: "pause", on: -1, forMs },
      { kind: "transfer", group: 1, to: random.between(1, 3) },
    ] as const;
    return { atMs: 500 + at * 400, fault: random.pick(faults) };
  });
}

/** Each returns what went wrong, undefined when nothing did. */
export const rigs: Rigs = {
  host: async (seed) => (await run(seed)).seen,

  /** Leaders hold leases, and are cut off or stand still again and again. */
  "host-lease": async (seed) => {
    const settings = {
      ...plain(seed),
      ...withHost(seed, { leaderLease: true, quiesceTicks: 1000 }),
    };
    const busy = { clients: 3, thinkMs: 6, maxSyncUs: 300, latencyUs: [50, 300] } as const;
    return (await run(seed, { ...settings, ...busy }, lonelyLeaders(seed))).seen;
  },

  /** Clients have little to say, so that groups fall asleep. */
  "host-sleep": async (seed) => {
    const settings = { ...withHost(seed, { quiesceTicks: 6 }), thinkMs: 1200, clients: 1 };
    return (await run(seed, settings)).seen;
  },

  /** Nothing goes wrong, but that a leader's disk hangs. Somebody else has to lead then. */
  "sick-disk": async (seed) => {
    const fault = { kind: "hang-disk", on: -1, forMs: LONG_MS } as const;
    const { seen, elections } = await run(seed, plain(seed), [{ atMs: AT_MS, fault }]);
    return seen ?? unless(elections >= 2, "nobody takes over from a leader whose disk hangs");
  },

  /** Nothing goes wrong, but that all processes stand still for a while. Whoever led leads on. */
  standstill: async (seed) => {
    const schedule = [1, 2, 3].map((on) => {
      return { atMs: AT_MS, fault: { kind: "pause", on, forMs: LONG_MS } as const };
    });
    const { seen, elections } = await run(seed, plain(seed), schedule);
    return seen ?? unless(elections <= 1, "a leader falls because all stood still");
  },
};
