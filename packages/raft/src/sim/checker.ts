/**
 * The invariants. Each is checked when something happens that could break it, by what was seen from
 * outside: what is handed to the log, what the protocol tells, what is applied, what is answered.
 */

import type { Entry } from "../core/entry.js";
import type { CoreEvent } from "../core/options.js";
import type { RaftGroup } from "../host/raft-group.js";
import type { GroupUpdate } from "../wal/group-update.js";
import type { CoverageCounter } from "./coverage.js";
import { GroupFacts, type Voters } from "./group-facts.js";
import type { LogModel } from "./log-model.js";

export type Invariant =
  | "election-safety"
  | "log-matching"
  | "leader-completeness"
  | "state-machine-safety"
  | "commit-monotonic"
  | "commit-durable"
  | "acknowledged-durable"
  | "single-lease-holder"
  | "exactly-once"
  | "refused-not-applied"
  | "linearizable-reads"
  | "log-recovery"
  | "no-failure"
  | "liveness";

export interface Violation {
  readonly invariant: Invariant;
  readonly message: string;
  /** Of the run, from 1. */
  readonly step: number;
}

/** A member, as the checker sees it. */
export interface CheckedNode {
  readonly id: number;
  readonly model: LogModel;
  /** Its member of a group, while its process runs. */
  handle(group: number): RaftGroup | undefined;
}

/** How far a member has come, in this incarnation. */
interface Progress {
  commit: number;
  term: number;
  /** Committed entries up to here have been looked at. */
  noted: number;
  hasLease: boolean;
  /** Who votes; first who did when the last step ended, then after each change since. */
  voters: readonly Voters[];
}

export interface CheckerDeps {
  readonly coverage: CoverageCounter;
  readonly step: () => number;
  readonly nodes: () => Iterable<CheckedNode>;
}

export class Checker {
  readonly #deps: CheckerDeps;
  readonly #groups = new Map<number, GroupFacts>();
  readonly #progress = new Map<string, Progress>();
  #violation: Violation | undefined;

  constructor(deps: CheckerDeps) {
    this.#deps = deps;
  }

  /** The first one; what comes after it may be its consequence. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  report(invariant: Invariant, message: string): void {
    this.#violation ??= { invariant, message, step: this.#deps.step() };
  }

  facts(group: number): GroupFacts {
    let facts = this.#groups.get(group);
    if (facts === undefined) {
      facts = new GroupFacts(group);
      this.#groups.set(group, facts);
    }
    return facts;
  }

  // ── the log ──────────────────────────────────────────────────────────────

  /** To be called before the model is told. */
  onSubmit(node: CheckedNode, update: GroupUpdate): void {
    if ("remove" in update) return;
    const model = node.model.submitted(update.group);
    const { entries = [] } = update;
    const [first] = entries;
    if (first === undefined) return;
    if (first.index <= model.lastIndex) this.#onTruncate(node, update.group, first);
    this.#noteEntries(node, update.group, entries, model.termOf(first.index - 1));
  }

  /** A log was opened: what it holds must be what was written. */
  onReopen(
    node: CheckedNode,
    group: number,
    entries: readonly Entry[],
    termBefore: number | undefined,
  ): void {
    this.#noteEntries(node, group, entries, termBefore);
  }

  #noteEntries(
    { id }: CheckedNode,
    group: number,
    entries: readonly Entry[],
    termBefore: number | undefined,
  ): void {
    const facts = this.facts(group);
    let before = termBefore;
    for (const entry of entries) {
      const problem = facts.noteEntry(entry, before);
      if (problem !== undefined)
        this.report("log-matching", `group ${group}, node ${id}: ${problem}`);
      before = entry.term;
    }
  }

  #onTruncate(node: CheckedNode, group: number, { index, term }: Entry): void {
    const model = node.model.submitted(group);
    if (index <= model.compacted || model.termOf(index) === term) return;
    this.#deps.coverage.hit("conflict-truncated");
    const committed = this.facts(group).committed.get(index);
    if (committed === undefined || committed.term !== model.termOf(index)) return;
    const message = `group ${group}: node ${node.id} replaces the committed entry ${index}`;
    this.report("leader-completeness", message);
  }

  // ── the protocol ─────────────────────────────────────────────────────────

  onEvent(node: CheckedNode, group: number, event: CoreEvent): void {
    if (event.type === "configuration-changed") this.#onConfigChanged(node, group);
    if (event.type !== "became" || event.role !== "leader") return;
    this.#deps.coverage.hit("leader-elected");
    const facts = this.facts(group);
    const { term } = event;
    const other = facts.leaders.get(term) ?? node.id;
    facts.leaders.set(term, node.id);
    if (other !== node.id) {
      const message = `group ${group}: nodes ${other} and ${node.id} both lead term ${term}`;
      this.report("election-safety", message);
    }
    this.#expectNoLease(node, group, term);
    const last = facts.lastCommittedBefore(term);
    const committed = facts.committed.get(last);
    if (committed === undefined) return;
    // In memory is enough: it may be elected by others who have it on their disks.
    const handle = node.handle(group);
    const isHeld =
      node.model.durable(group).has(last, committed.term) ||
      handle?.termAt(last) === committed.term ||
      (handle?.commitIndex ?? 0) >= last;
    if (isHeld) return;
    const message = `group ${group}: node ${node.id} leads term ${term} without entry ${last}`;
    this.report("leader-completeness", message);
  }

  /**
   * While somebody's lease lasts, nobody else has one, nor leads a term after that: who learns late of
   * having won an earlier one does no harm.
   */
  #expectNoLease(node: CheckedNode, group: number, term: number): void {
    for (const { id, handle } of this.#othersWithLease(node, group)) {
      if (handle.term > term) continue;
      const message = `group ${group}: node ${node.id} leads term ${term} in node ${id}'s lease`;
      this.report("single-lease-holder", message);
    }
  }

  *#othersWithLease({ id: self }: CheckedNode, group: number) {
    for (const node of this.#deps.nodes()) {
      const handle = node.handle(group);
      if (node.id !== self && handle?.hasLease === true) yield { id: node.id, handle };
    }
  }

  #onConfigChanged(node: CheckedNode, group: number): void {
    const handle = node.handle(group);
    const progress = this.#progress.get(keyOf(node, group));
    if (handle === undefined || progress === undefined) return;
    const voters = votersOf(handle);
    progress.voters = [...progress.voters, voters];
    const { changedAt } = handle.status().config;
    const facts = this.facts(group);
    if (changedAt > (facts.newestConfig?.changedAt ?? 0))
      facts.newestConfig = { changedAt, voters };
  }

  /** A process has started: what it knew is known no more, but for what is on its disk. */
  onStart(node: CheckedNode, group: number): void {
    this.#progress.delete(keyOf(node, group));
  }

  /** Something has happened at the node: looks how far it has come. */
  look(node: CheckedNode, handle: RaftGroup): void {
    const progress = this.#progressOf(node, handle);
    const { term, commitIndex: commit } = handle;
    if (term === 0) return;
    if (term < progress.term) this.report("commit-monotonic", `node ${node.id}: term went back`);
    progress.term = term;
    if (commit < progress.commit) {
      const message = `group ${handle.id}: node ${node.id} goes from commit ${progress.commit} to ${commit}`;
      this.report("commit-monotonic", message);
    }
    progress.commit = commit;
    if (commit > progress.noted) this.#noteCommitted(handle, progress);
    const { hasLease } = handle;
    if (hasLease !== progress.hasLease) this.#onLease(node, handle, hasLease);
    progress.hasLease = hasLease;
    if (progress.voters.length > 1) progress.voters = progress.voters.slice(-1);
  }

  #onLease(node: CheckedNode, handle: RaftGroup, hasLease: boolean): void {
    this.#deps.coverage.hit(hasLease ? "lease-held" : "lease-lost");
    if (!hasLease) return;
    for (const { id } of this.#othersWithLease(node, handle.id)) {
      const message = `group ${handle.id}: nodes ${node.id} and ${id} have leases`;
      this.report("single-lease-holder", message);
    }
  }

  #noteCommitted(handle: RaftGroup, progress: Progress): void {
    const facts = this.facts(handle.id);
    const { commit } = progress;
    for (let index = progress.noted + 1; index <= commit; index += 1) {
      const term = handle.termAt(index);
      if (term === undefined) continue;
      const isNew = !facts.committed.has(index);
      const problem = facts.noteCommitted(index, term, progress.term);
      if (problem !== undefined) {
        this.report("state-machine-safety", `group ${handle.id}: ${problem}`);
      }
      // A leader may have ended before anybody looked at it; who hears of the commit may lag behind in configurations.
      const { newestConfig } = facts;
      const either = newestConfig ? [...progress.voters, newestConfig.voters] : progress.voters;
      if (isNew) this.#expectDurable(handle.id, { index, term }, either);
    }
    progress.noted = commit;
  }

  /** A committed entry is on the disks of a quorum: of the members then or right before, or of the newest ones. */
  #expectDurable(
    group: number,
    entry: { readonly index: number; readonly term: number },
    either: readonly Voters[],
  ): void {
    const holders = new Set<number>();
    for (const { id, model } of this.#deps.nodes()) {
      if (model.durable(group).has(entry.index, entry.term)) holders.add(id);
    }
    const isQuorum = (voters: readonly number[]): boolean => {
      return voters.filter((id) => holders.has(id)).length * 2 > voters.length;
    };
    const isHeld = either.some(({ incoming, outgoing }) => {
      return isQuorum(incoming) && (outgoing.length === 0 || isQuorum(outgoing));
    });
    if (isHeld) return;
    const where = [...holders].join(", ");
    const message = `group ${group}: entry ${entry.index} is committed, and durable only on ${where}`;
    this.report("commit-durable", message);
  }

  #progressOf(node: CheckedNode, handle: RaftGroup): Progress {
    const key = keyOf(node, handle.id);
    let progress = this.#progress.get(key);
    if (progress === undefined) {
      progress = { commit: 0, term: 0, noted: 0, hasLease: false, voters: [votersOf(handle)] };
      this.#progress.set(key, progress);
    }
    return progress;
  }
}

function keyOf(node: CheckedNode, group: number): string {
  return `${node.id}/${group}`;
}

function votersOf(handle: RaftGroup): Voters {
  const { voters, votersOutgoing } = handle.status().config;
  return { incoming: voters, outgoing: votersOutgoing };
}
