/** What the gate and the script that records seeds share. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Finding, hunt } from "./hunt.js";
import { type Mutant, PITFALLS, type Rig } from "./mutant.js";

export { MUTANTS } from "./catalogue.js";
export { runClean } from "./hunt.js";

/** Within so many seeds a bug must show. */
export const MAX_SEEDS = 300;

export const FINDINGS_FILE = fileURLToPath(new URL("./findings.json", import.meta.url));
export const TABLE_FILE = fileURLToPath(
  new URL("../../../../docs/raft-mutants.md", import.meta.url),
);

/** By bug: the first seed that showed it when it was last recorded, what was seen, and by whom. */
export type Findings = Readonly<Record<string, Finding>>;

export function readFindings(): Findings {
  return JSON.parse(readFileSync(FINDINGS_FILE, "utf8")) as Findings;
}

/** Looks for the bug, from the recorded seed on; sources change, and seeds with them. */
export function find(
  mutant: Mutant,
  recorded: Finding | undefined,
  maxSeeds = MAX_SEEDS,
): Promise<Finding | undefined> {
  const all = Array.from({ length: maxSeeds }, (_, at) => at + 1);
  const first = recorded === undefined ? [] : [recorded.seed];
  return hunt(mutant, [...first, ...all.filter((seed) => seed !== recorded?.seed)]);
}

const RIG_NAMES: Readonly<Record<Rig, string>> = {
  core: "cores",
  follower: "a follower",
  reads: "cores, read at",
  outage: "cores, some lost",
  host: "hosts",
  "host-lease": "hosts, with leases",
  "host-sleep": "hosts, mostly asleep",
  "sick-disk": "hosts, a disk that hangs",
  standstill: "hosts, all standing still",
};

/** The page that shows all bugs and the seeds that find them. */
export function renderTable(mutants: readonly Mutant[], findings: Findings): string {
  const sections = Object.entries(PITFALLS).flatMap(([number, pitfall]) => {
    const rows = mutants.filter((mutant) => mutant.pitfall === Number(number));
    return rows.length === 0 ? [] : [section(number, pitfall, rows, findings)];
  });
  return `${INTRODUCTION(mutants.length)}\n${sections.join("\n")}`;
}

function section(
  number: string,
  pitfall: string,
  mutants: readonly Mutant[],
  findings: Findings,
): string {
  const rows = mutants.map(({ id, rig, file, bug }) => {
    const finding = findings[id];
    const seen = finding === undefined ? "" : cell(finding.violation);
    const seed = finding?.seed ?? "";
    const by = finding?.isSelfReported ? "itself" : "simulator";
    return `| \`${id}\` | ${bug} | \`${file}\` | ${RIG_NAMES[rig]} | ${seed} | ${by} | ${seen} |`;
  });
  const head =
    "| bug | what is wrong | place | found by | seed | seen by | what was seen |\n|---|---|---|---|---|---|---|";
  return `## ${number}. ${pitfall[0]?.toUpperCase()}${pitfall.slice(1)}\n\n${head}\n${rows.join("\n")}\n`;
}

const MAX_CELL = 110;

function cell(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
  return line.length > MAX_CELL ? `${line.slice(0, MAX_CELL)}…` : line;
}

const INTRODUCTION = (count: number): string => `# Deliberate bugs, and the seeds that find them

This page is written by \`packages/raft/scripts/mutants.mjs\`; do not edit it.

A test that cannot fail proves nothing. So ${count} bugs are kept as data in \`packages/raft/test/mutants\`,
at least two for each of the eighteen mistakes that Raft libraries are known for. Each is a small change
of the source, made while the source is bundled for a run: what is published has no switch for it. A
change that no longer fits its place fails the gate.

For each bug a simulator runs seeds, from 1 on, until it sees that something is wrong; it must within
${MAX_SEEDS}. *Seen by* tells whether the simulator saw it from outside, or an assertion of the library itself
spoke first. A run that crashes or never ends proves nothing, and fails the gate. *Hosts*: whole hosts with their logs and state machines, on simulated disks and networks
(\`@titan/raft/sim\`). *Cores*: groups of bare cores with slow disks and slow state machines, thousands of
steps in milliseconds, for what hosts meet too rarely; *read at*: by clients of leaders that do not know that they
are none, while voters change; *some lost*: where fewer than half of the voters never come back, and the others have
to go on. *A follower*: a single core that hears late and twice of a history of leaders. The same seeds show nothing in the source as it
is. \`pnpm --filter @titan/raft test:thorough\` runs them all.
`;
