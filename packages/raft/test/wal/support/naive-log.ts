/** What the log promises, as plainly as it can be said: one object per group, copied for each batch. */

import { EMPTY_CONFIG_STATE } from "../../../src/core/configuration.js";
import type { Entry } from "../../../src/core/entry.js";
import { toLogIndex } from "../../../src/core/ids.js";
import type { GroupUpdate } from "../../../src/wal/group-update.js";
import type { RaftWal } from "../../../src/wal/raft-wal.js";

interface NaiveGroup {
  hardState: object;
  config: { changedAt: number };
  snapshot: object | undefined;
  hasConfig: boolean;
  compacted: { index: number; term: number };
  entries: Entry[];
}

export type NaiveState = ReadonlyMap<number, NaiveGroup>;

function emptyGroup(): NaiveGroup {
  return {
    hardState: { term: 0, vote: undefined, commit: 0 },
    config: EMPTY_CONFIG_STATE,
    snapshot: undefined,
    hasConfig: false,
    compacted: { index: 0, term: 0 },
    entries: [],
  };
}

/** The state after `updates`; `state` stays as it is. */
export function applyUpdates(state: NaiveState, updates: readonly GroupUpdate[]): NaiveState {
  const next = new Map(state);
  for (const update of updates) {
    if ("remove" in update) {
      next.delete(update.group);
      continue;
    }
    const group = { ...(next.get(update.group) ?? emptyGroup()) };
    group.entries = [...group.entries];
    next.set(update.group, group);
    if (update.hardState) group.hardState = update.hardState;
    if (update.installSnapshot) {
      const { meta } = update.installSnapshot;
      group.entries = [];
      group.compacted = { index: meta.index, term: meta.term };
      group.snapshot = update.installSnapshot;
      group.config = meta.config;
    }
    for (const entry of update.entries ?? []) {
      if (entry.index <= group.compacted.index) continue;
      group.entries = group.entries.filter(({ index }) => index < entry.index);
      group.entries.push(entry);
    }
    if (update.config && update.config.changedAt >= group.config.changedAt) {
      group.config = update.config;
      group.hasConfig = true;
    }
    if (update.saveSnapshot) {
      group.snapshot = update.saveSnapshot;
      const { config } = update.saveSnapshot.meta;
      if (config.changedAt > group.config.changedAt || !group.hasConfig) group.config = config;
    }
    if (update.compactTo !== undefined) {
      const { compactTo } = update;
      const term = group.entries.find(({ index }) => index === compactTo)!.term;
      group.compacted = { index: compactTo, term };
      group.entries = group.entries.filter(({ index }) => index > compactTo);
    }
  }
  return next;
}

function plainEntry({ index, term, type, data }: Entry): string {
  return `${index}@${term} ${type} ${Buffer.from(data).toString("hex")}`;
}

/** Objects with the same content, whatever the order in which it was set. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The state as text that two equal states share. */
export function describeState(state: NaiveState): string {
  const lines = [...state]
    .sort(([a], [b]) => a - b)
    .map(([id, group]) =>
      JSON.stringify(
        {
          id,
          hardState: group.hardState,
          config: group.config,
          snapshot: group.snapshot,
          compacted: group.compacted,
          entries: group.entries.map(plainEntry),
        },
        sortedKeys,
      ),
    );
  return lines.join("\n");
}

/** What `wal` shows through its views, as {@link describeState} would say it. */
export function describeWal(wal: RaftWal): string {
  const state = new Map<number, NaiveGroup>();
  for (const id of wal.groupIds()) {
    const view = wal.storage(id);
    const first = view.firstIndex();
    const last = view.lastIndex();
    const { hardState, config } = view.initialState();
    const snapshot = view.snapshot();
    const before = toLogIndex(first - 1);
    const entries =
      last < first ? [] : view.entries(first, toLogIndex(last + 1), Number.POSITIVE_INFINITY);
    for (const entry of entries) {
      if (view.term(entry.index) !== entry.term) throw new Error(`term of ${entry.index}`);
    }
    state.set(id, {
      hardState,
      config,
      snapshot,
      hasConfig: false,
      compacted: { index: before, term: view.term(before) ?? -1 },
      entries: [...entries],
    });
  }
  return describeState(state);
}
