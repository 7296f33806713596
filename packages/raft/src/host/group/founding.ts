/** Founds a group in the log of a host that knows nothing of it, and lets the log forget one. */

import { EMPTY_CONFIG_STATE } from "../../core/configuration.js";
import { foundingSnapshot } from "../../core/founding.js";
import { INDEX_ZERO, toLogIndex, toTerm } from "../../core/ids.js";
import type { LogStorage } from "../../core/storage.js";
import type { GroupUpdate } from "../../wal/group-update.js";
import { onLog } from "../host-failure.js";
import type { GroupLogs } from "../ports.js";

/** Any index will do. */
const REMOVED_AT = toLogIndex(1);

/** The members that a group begins with. */
export interface Founders {
  readonly voters: readonly number[];
  readonly learners?: readonly number[];
}

/** Whether nothing has ever been written of a group, not even a vote. */
export function isEmpty(storage: LogStorage): boolean {
  const { hardState } = storage.initialState();
  const isBlank = hardState.term === 0 && hardState.vote === undefined;
  return isBlank && storage.lastIndex() === 0 && (storage.snapshot()?.meta.index ?? 0) === 0;
}

/**
 * @returns whether it has founded the group
 * @throws RangeError when this host is not a founder; RaftHostError when the log fails
 */
export async function foundIfNew(
  log: GroupLogs,
  group: number,
  founders: Founders | undefined,
  self: number,
): Promise<boolean> {
  if (founders === undefined || !isEmpty(log.storage(group))) return false;
  const { voters, learners = [] } = founders;
  if (![...voters, ...learners].includes(self)) {
    throw new RangeError(`node ${self} is not among the founders of group ${group}`);
  }
  const update = { group, installSnapshot: foundingSnapshot(founders) };
  await onLog(log.append([update], { sync: true }));
  return true;
}

/**
 * What removes a group: all but its term and vote. They say that there was one, so that founders named by
 * the program do not found a second one of the same number; and a member that is added back has not
 * forgotten its vote. A configuration without members, of some entry, tells the core that it has
 * forgotten entries, and must not vote.
 */
export function removalOf(group: number, storage: LogStorage): readonly GroupUpdate[] {
  const { term, vote } = storage.initialState().hardState;
  // A founder that has never voted is in term 0, and would look like one that knows nothing.
  const kept = { term: toTerm(Math.max(term, 1)), vote, commit: INDEX_ZERO };
  return [
    { group, remove: true },
    { group, hardState: kept, config: { ...EMPTY_CONFIG_STATE, changedAt: REMOVED_AT } },
  ];
}
