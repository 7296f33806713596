/** A leader that is about to lose its vote hands over first, so that its group need not wait for a
 * timeout (Raft thesis §4.2.2 and §3.10). */

import { decodeConfigChange, entersJoint, leavesJoint } from "../../core/config-change.js";
import type { Entry } from "../../core/entry.js";
import type { NodeId } from "../../core/ids.js";
import type { RaftCore } from "../../core/raft-core.js";
import type { NodeStatus } from "../../core/status.js";

/** Whether applying `entry` takes the vote from a node that has it in the present configuration. */
export function losesVote(entry: Entry, { id, config }: NodeStatus): boolean {
  const change = decodeConfigChange(entry);
  if (leavesJoint(change)) return !config.voters.includes(id);
  // While joint, those who leave still have their vote in the old half.
  if (entersJoint(change)) return false;
  return change.changes.some(
    ({ operation, node }) => node === id && (operation === "remove" || operation === "add-learner"),
  );
}

/** The voter that is best prepared to lead; undefined when none was heard of lately. */
export function bestSuccessor({ id, config, members }: NodeStatus): NodeId | undefined {
  const voters = new Set(config.voters);
  return members
    .filter((member) => member.id !== id && voters.has(member.id) && member.recentActive)
    .sort((a, b) => b.match - a.match || a.id - b.id)[0]?.id;
}

/** Hands leadership to the best successor. @returns whether there is one */
export function handOver(core: RaftCore): boolean {
  const successor = bestSuccessor(core.status());
  if (successor === undefined) return false;
  core.transferLeadership(successor);
  return true;
}

/** A leader that waits for its successor. */
export class HandOver {
  #waiting: { ticksLeft: number; readonly goOn: () => void } | undefined;

  /** Resolves when somebody else leads, when nobody can, or after `maxTicks` all the same. */
  begin(core: RaftCore, maxTicks: number): Promise<void> {
    if (!handOver(core)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { ticksLeft: maxTicks, goOn: resolve };
    });
  }

  tick(core: RaftCore): void {
    if (this.#waiting === undefined) return;
    this.#waiting.ticksLeft -= 1;
    if (this.#waiting.ticksLeft <= 0 || core.role !== "leader") this.end();
  }

  /** Waits no more. */
  end(): void {
    this.#waiting?.goOn();
    this.#waiting = undefined;
  }
}
