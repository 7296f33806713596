/** Bugs in leases by time. */

import type { Mutant } from "./mutant.js";

const FILE = "host/group/leader-lease.ts";

export const LEASES: readonly Mutant[] = [
  {
    id: "lease-never-ends",
    pitfall: 7,
    rig: "host-lease",
    file: FILE,
    before: "    if (nowMs >= held.atMs + promiseMs - 2 * slackMs) return false;",
    after: "    if (nowMs >= held.atMs + 3 * promiseMs - 2 * slackMs) return false;",
    bug: "A leader trusts its lease for longer than it was promised.",
  },
  {
    id: "asking-counts-as-promise",
    pitfall: 7,
    rig: "host-lease",
    file: FILE,
    before: "    this.#askings.push({ atMs, wallOffsetMs: clock.wallMs() - atMs });\n",
    after:
      "    this.#askings.push({ atMs, wallOffsetMs: clock.wallMs() - atMs });\n    this.#held = this.#askings.at(-1);\n",
    bug: "A leader holds a lease as soon as it has asked for it.",
  },
];
