/** A leader that is about to lose its vote hands over first, so that its group need not wait for a
 * timeout (Raft thesis §4.2.2 and §3.10). */

import { decodeConfigChange, entersJoint, leavesJoint } from "../../core/config-change.js";
import type { Entry } from "../../core/entry.js";
import type { NodeId } from "../../core/ids.js";
import type { RaftCore } from "../../core/raft-core.js";
import type { MemberStatus, NodeStatus } from "../../core/status.js";

/** Whether applying `entry` takes the vote from a node that has it in the present configuration. */
function losesVote(entry: Entry, { id, config }: NodeStatus): boolean {
  const change = decodeConfigChange(entry);
  if (leavesJoint(change)) return !config.voters.includes(id);
  // While joint, those who leave still have their vote in the old half.
  if (entersJoint(change)) return false;
  return change.changes.some(
    ({ operation, node }) => node === id && (operation === "remove" || operation === "add-learner"),
  );
}

/** The voter that is best prepared to lead: heard of lately, then the furthest. */
export function bestSuccessor({ id, config, members }: NodeStatus): NodeId | undefined {
  const voters = new Set(config.voters);
  return members
    .filter((member) => member.id !== id && voters.has(member.id))
    .sort((a, b) => rank(b) - rank(a) || b.match - a.match || a.id - b.id)[0]?.id;
}

function rank(member: MemberStatus): number {
  return member.recentActive ? 1 : 0;
}

/**
 * Asks the best successor to take over, again when it has been asked before: it refuses while it has a
 * committed change of the configuration yet to apply. @returns whether there is one
 */
export function handOver(core: RaftCore): boolean {
  const successor = bestSuccessor(core.status());
  if (successor === undefined) return false;
  core.transferLeadership(core.id);
  core.transferLeadership(successor);
  return true;
}

/** Gives up on a hand-over, and so need not refuse proposals until it times out. */
export function leadOn(core: RaftCore): void {
  core.transferLeadership(core.id);
}

/** A leader that waits for its successor. */
export class HandOver {
  #waiting: { ticksLeft: number; readonly goOn: () => void } | undefined;

  /**
   * A change is about to be applied. Where it takes the vote from this leader, resolves when somebody else
   * leads, when nobody can, or after `maxTicks` all the same; else at once.
   */
  before(entry: Entry, core: RaftCore, maxTicks: number): Promise<void> {
    const isNeeded = core.role === "leader" && losesVote(entry, core.status());
    if (!isNeeded || !handOver(core)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { ticksLeft: maxTicks, goOn: resolve };
    });
  }

  /** Time passes. */
  tick(core: RaftCore): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    waiting.ticksLeft -= 1;
    if (waiting.ticksLeft <= 0) this.end();
    else handOver(core);
  }

  /** The role may have changed. */
  look(core: RaftCore): void {
    if (core.role !== "leader") this.end();
  }

  /** Waits no more. */
  end(): void {
    this.#waiting?.goOn();
    this.#waiting = undefined;
  }
}
