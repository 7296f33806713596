/** All deliberate bugs, by pitfall. */

import { CORNERS } from "./corners.js";
import { ELECTIONS } from "./elections.js";
import { HOSTS } from "./hosts.js";
import { LEASES } from "./leases.js";
import { LOGS } from "./logs.js";
import { MEMBERSHIP } from "./membership.js";
import type { Mutant } from "./mutant.js";
import { READS } from "./reads.js";
import { REPLICATION } from "./replication.js";

export const MUTANTS: readonly Mutant[] = [
  ...ELECTIONS,
  ...REPLICATION,
  ...READS,
  ...LEASES,
  ...MEMBERSHIP,
  ...HOSTS,
  ...LOGS,
  ...CORNERS,
].sort((a, b) => a.pitfall - b.pitfall || a.id.localeCompare(b.id));
