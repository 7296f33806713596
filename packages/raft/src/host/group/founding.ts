/** Founds a group in the log of a host that knows nothing of it, and lets the log forget one. */

import { foundingSnapshot } from "../../core/founding.js";
import { INDEX_ZERO, isAsGood, type LogPosition, toTerm } from "../../core/ids.js";
import type { LogStorage } from "../../core/storage.js";
import type { GroupUpdate } from "../../wal/group-update.js";
import { onLog } from "../host-failure.js";
import type { GroupLogs } from "../ports.js";

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
 * forgotten its vote. Nor where its log ended: it must not vote before it has as good a one again.
 */
export function removalOf(group: number, storage: LogStorage): readonly GroupUpdate[] {
  const { term, vote, forgotten } = storage.initialState().hardState;
  // A founder that has never voted is in term 0, and would look like one that knows nothing.
  const kept = {
    term: toTerm(Math.max(term, 1)),
    vote,
    commit: INDEX_ZERO,
    forgotten: laterEnd(storage, forgotten),
  };
  return [
    { group, remove: true },
    { group, hardState: kept },
  ];
}

/** The better one of where the log ends and where another one ended that was forgotten before. */
function laterEnd(storage: LogStorage, earlier: LogPosition | undefined): LogPosition | undefined {
  const index = storage.lastIndex();
  const term = storage.term(index);
  if (index === 0 || term === undefined) return earlier;
  const last = { index, term };
  return earlier === undefined || isAsGood(last, earlier) ? last : earlier;
}
