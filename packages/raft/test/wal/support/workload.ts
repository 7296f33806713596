/** Updates that a few Raft groups might make, drawn from a seed. */

import { foundingConfig } from "../../../src/core/configuration.js";
import type { Entry } from "../../../src/core/entry.js";
import { toLogIndex, toNodeId, toTerm } from "../../../src/core/ids.js";
import type { Random } from "../../../src/core/index.js";
import type { Snapshot } from "../../../src/core/storage.js";
import type { GroupUpdate } from "../../../src/wal/group-update.js";

export function entry(
  index: number,
  term: number,
  data: Uint8Array = Buffer.from(`${index}`),
): Entry {
  return { index: toLogIndex(index), term: toTerm(term), type: "normal", data };
}

/** Entries `[from, to]` of one term. */
export function entryRange(from: number, to: number, term = 1, dataBytes = 8): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, offset) =>
    entry(from + offset, term, Buffer.alloc(dataBytes, from + offset)),
  );
}

export function snapshotAt(index: number, term: number, data = `snapshot ${index}`): Snapshot {
  const config = { ...foundingConfig({ voters: [1, 2, 3] }), changedAt: toLogIndex(index) };
  return {
    meta: { index: toLogIndex(index), term: toTerm(term), config },
    data: Uint8Array.from(Buffer.from(data)),
  };
}

interface GroupPlan {
  term: number;
  vote: number | undefined;
  first: number;
  last: number;
  /** Up to here the log is durable, so that it may be compacted. */
  stable: number;
  snapshot: number;
}

const NEW_GROUP: GroupPlan = {
  term: 0,
  vote: undefined,
  first: 1,
  last: 0,
  stable: 0,
  snapshot: 0,
};

/** Draws batches that a log must accept, one after the other. */
export class WorkloadPlanner {
  readonly #random: Random;
  readonly #groups = new Map<number, GroupPlan>();
  readonly #groupCount: number;

  constructor(random: Random, groupCount = 4) {
    this.#random = random;
    this.#groupCount = groupCount;
  }

  /** Everything drawn so far has been written. */
  markWritten(): void {
    for (const plan of this.#groups.values()) plan.stable = plan.last;
  }

  nextBatch(): GroupUpdate[] {
    const count = 1 + this.#random.nextInt(3);
    return Array.from({ length: count }, () =>
      this.#nextUpdate(1 + this.#random.nextInt(this.#groupCount)),
    );
  }

  #nextUpdate(group: number): GroupUpdate {
    const plan = { ...(this.#groups.get(group) ?? NEW_GROUP) };
    this.#groups.set(group, plan);
    const kind = this.#random.nextInt(20);
    if (plan.last > 0 && kind === 0) {
      this.#groups.delete(group);
      return { group, remove: true };
    }
    if (kind === 1) return this.#install(group, plan);
    if (kind <= 4 && plan.stable > plan.first) return this.#compact(group, plan);
    if (kind === 5) return this.#stateOnly(group, plan);
    return this.#append(group, plan);
  }

  #append(group: number, plan: GroupPlan): GroupUpdate {
    if (plan.term === 0 || this.#random.nextInt(6) === 0) {
      plan.term += 1;
      plan.vote = 1 + this.#random.nextInt(3);
    }
    // Now and then a new leader's log conflicts with ours.
    const back = this.#random.nextInt(4) === 0 ? this.#random.nextInt(4) : 0;
    const from = Math.max(plan.first, plan.last + 1 - back);
    const count = 1 + this.#random.nextInt(4);
    const entries = Array.from({ length: count }, (_, offset) => {
      const data = Buffer.alloc(this.#random.nextInt(90), this.#random.nextInt(256));
      return entry(from + offset, plan.term, data);
    });
    plan.last = from + count - 1;
    plan.stable = Math.min(plan.stable, from - 1);
    return { group, hardState: this.#hardState(plan), entries };
  }

  #stateOnly(group: number, plan: GroupPlan): GroupUpdate {
    plan.term += 1;
    plan.vote = undefined;
    const config = {
      ...foundingConfig({ voters: [1, 2], learners: [3] }),
      changedAt: toLogIndex(plan.last),
    };
    return { group, hardState: this.#hardState(plan), config };
  }

  #install(group: number, plan: GroupPlan): GroupUpdate {
    plan.term += 1;
    plan.vote = undefined;
    const index = Math.max(plan.last, plan.snapshot) + 1 + this.#random.nextInt(10);
    Object.assign(plan, { first: index + 1, last: index, stable: index, snapshot: index });
    return {
      group,
      hardState: this.#hardState(plan),
      installSnapshot: snapshotAt(index, plan.term),
    };
  }

  #compact(group: number, plan: GroupPlan): GroupUpdate {
    const compactTo = plan.first + this.#random.nextInt(plan.stable - plan.first + 1);
    plan.first = compactTo + 1;
    if (plan.last <= plan.snapshot) return { group, compactTo: toLogIndex(compactTo) };
    plan.snapshot = plan.last;
    return {
      group,
      saveSnapshot: snapshotAt(plan.last, plan.term),
      compactTo: toLogIndex(compactTo),
    };
  }

  #hardState(plan: GroupPlan) {
    const vote = plan.vote === undefined ? undefined : toNodeId(plan.vote);
    return { term: toTerm(plan.term), vote, commit: toLogIndex(plan.first - 1) };
  }
}
