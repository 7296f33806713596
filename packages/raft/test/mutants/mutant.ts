/**
 * What a deliberate bug is: a small change of the source, as data. It is made while the source is
 * bundled for a run; the source itself has no switch for it.
 */

/** The mistakes that the library guards against, as docs/raft-conformance.md numbers them. */
export const PITFALLS = {
  1: "a vote or term is spoken of before it is durable, or is cleared within its term",
  2: "state and entries are written out of order, or a late report is believed",
  3: "entries of earlier terms are committed by counting, or a term begins without an entry",
  4: "a follower cuts its log without a conflict, or commits beyond what it was sent",
  5: "logs are not compared by term first and index second",
  6: "a read is served without its own confirmation, or by a leader that has committed nothing yet",
  7: "a lease outlives what it rests on",
  8: "members change before a commit of the term, or two at a time without a joint configuration",
  9: "a change meets another that is not applied yet",
  10: "learners and removed members count, or those who should do not",
  11: "snapshots, configuration changes and applying get in each other's way",
  12: "something is acknowledged, committed or applied before it is durable",
  13: "a failed or forgotten sync is taken for a sync",
  14: "a sick disk or a process that stood still keeps leadership",
  15: "quorums and flow control are too clever",
  16: "sleeping groups do not wake",
  17: "a member forgets who it is, or what it has promised",
  18: "a retried request is applied twice, or its outcome is misreported",
} as const;

export type Pitfall = keyof typeof PITFALLS;

/**
 * Who looks for the bug: random groups of cores, small worlds made for one corner, or whole hosts (`src/sim`), some with settings or faults
 * of their own. `rigs/` says what each does.
 */
export type Rig =
  | "core"
  | "follower"
  | "reads"
  | "outage"
  | "host"
  | "host-lease"
  | "host-sleep"
  | "sick-disk"
  | "standstill";

export const RIGS: readonly Rig[] = [
  "core",
  "follower",
  "reads",
  "outage",
  "host",
  "host-lease",
  "host-sleep",
  "sick-disk",
  "standstill",
];

/** A run that comes to no verdict: it never ends, ends its thread, or leaves a rejection unhandled. */
export type Breakdown = "hang" | "crash" | "unhandled";

export interface Mutant {
  /** In the manner of file names; never changes, as seeds are recorded by it. */
  readonly id: string;
  readonly pitfall: Pitfall;
  readonly rig: Rig;
  /** Below `packages/raft/src`. */
  readonly file: string;
  /** Exact text that occurs once in the file. */
  readonly before: string;
  /** What takes its place. */
  readonly after: string;
  /** The bug, in one sentence. */
  readonly bug: string;
  /** How the bug shows, if it breaks the run itself down. Any other breakdown is no finding. */
  readonly breaks?: Breakdown;
}

/** `source` with the bug in it. @throws Error when the place is not there, or not the only one */
export function plant(mutant: Pick<Mutant, "id" | "before" | "after">, source: string): string {
  const pieces = source.split(mutant.before);
  if (pieces.length !== 2) {
    const count = pieces.length - 1;
    throw new Error(`${mutant.id}: the text to change occurs ${count} times, not once`);
  }
  return pieces.join(mutant.after);
}
