/**
 * What a node's log must hold, by what was asked of it and what it has answered: a slow and obvious twin
 * of the log, without files. After a crash the log must be as it was after some of the batches, all that
 * were acknowledged as durable among them, and none of them by halves.
 */

import type { LogStorage } from "../core/storage.js";
import type { GroupUpdate } from "../wal/group-update.js";

/** Terms of a group's log, and its vote. */
export class GroupModel {
  term = 0;
  vote: number | undefined = undefined;
  snapshotIndex = 0;
  /** The position before the first entry. */
  compacted = 0;
  compactedTerm = 0;
  /** Of entries from `compacted + 1` on. */
  terms: number[] = [];

  get lastIndex(): number {
    return this.compacted + this.terms.length;
  }

  termOf(index: number): number | undefined {
    return index === this.compacted ? this.compactedTerm : this.terms[index - this.compacted - 1];
  }

  /** Whether it has the entry at `index`, or had it before it was compacted. */
  has(index: number, term: number): boolean {
    return index < this.compacted || this.termOf(index) === term;
  }

  clone(): GroupModel {
    const twin = new GroupModel();
    Object.assign(twin, this);
    twin.terms = [...this.terms];
    return twin;
  }

  apply(update: GroupUpdate): void {
    if ("remove" in update) {
      Object.assign(this, new GroupModel());
      return;
    }
    const { hardState, installSnapshot, entries, saveSnapshot, compactTo } = update;
    if (hardState !== undefined) {
      this.term = hardState.term;
      this.vote = hardState.vote;
    }
    if (installSnapshot !== undefined) {
      const { index, term } = installSnapshot.meta;
      Object.assign(this, {
        snapshotIndex: index,
        compacted: index,
        compactedTerm: term,
        terms: [],
      });
    }
    for (const { index, term } of entries ?? []) {
      if (index <= this.compacted) continue;
      this.terms.length = Math.min(this.terms.length, index - this.compacted - 1);
      this.terms.push(term);
    }
    if (saveSnapshot !== undefined) this.snapshotIndex = saveSnapshot.meta.index;
    if (compactTo !== undefined && compactTo > this.compacted) {
      const term = this.termOf(compactTo) ?? 0;
      this.terms.splice(0, compactTo - this.compacted);
      Object.assign(this, { compacted: compactTo, compactedTerm: term });
    }
  }

  /** What `storage` has else than this; undefined when nothing. */
  differenceTo(storage: LogStorage): string | undefined {
    const { hardState } = storage.initialState();
    const found = {
      term: hardState.term as number,
      vote: hardState.vote as number | undefined,
      snapshotIndex: (storage.snapshot()?.meta.index ?? 0) as number,
      first: storage.firstIndex() as number,
      last: storage.lastIndex() as number,
    };
    const { term, vote, snapshotIndex } = this;
    const expected = { term, vote, snapshotIndex, first: this.compacted + 1, last: this.lastIndex };
    const [a, b] = [JSON.stringify(expected), JSON.stringify(found)];
    if (a !== b) return `expected ${a}, found ${b}`;
    for (let index = this.compacted; index <= this.lastIndex; index += 1) {
      const there = storage.term(index as Parameters<LogStorage["term"]>[0]);
      if (index > 0 && there !== this.termOf(index)) {
        return `entry ${index} has term ${there}, expected ${this.termOf(index)}`;
      }
    }
    return undefined;
  }
}

type Batch = readonly GroupUpdate[];

/** The log of a node. */
export class LogModel {
  /** As of the last batch that is known to be durable. */
  #durable = new Map<number, GroupModel>();
  /** As of the last batch that was handed over. */
  #submitted = new Map<number, GroupModel>();
  /** Between the two. */
  #pending: Batch[] = [];

  durable(group: number): GroupModel {
    return ensure(this.#durable, group);
  }

  submitted(group: number): GroupModel {
    return ensure(this.#submitted, group);
  }

  /** @param before called before each update is taken in */
  submit(batch: Batch, before: (update: GroupUpdate) => void): void {
    this.#pending.push(batch);
    for (const update of batch) {
      before(update);
      this.submitted(update.group).apply(update);
    }
  }

  /** All up to `batch` is durable. */
  confirm(batch: Batch): void {
    const count = this.#pending.indexOf(batch) + 1;
    for (const done of this.#pending.splice(0, count)) applyTo(this.#durable, done);
  }

  /** `batch` was refused and has left no trace. */
  refuse(batch: Batch): void {
    this.#pending = this.#pending.filter((other) => other !== batch);
    this.#submitted = cloneAll(this.#durable);
    for (const pending of this.#pending) applyTo(this.#submitted, pending);
  }

  /**
   * The log has been opened again: it must be as after some of the batches.
   * @returns how it differs from the nearest; undefined when it is as it may be
   */
  reopen(groups: Iterable<number>, storageOf: (group: number) => LogStorage): string | undefined {
    const ids = [...new Set([...groups, ...this.#submitted.keys(), ...this.#durable.keys()])];
    const differ = (): string | undefined => {
      for (const id of ids) {
        const difference = this.durable(id).differenceTo(storageOf(id));
        if (difference !== undefined) return `group ${id}: ${difference}`;
      }
      return undefined;
    };
    let difference = differ();
    const pending = this.#pending;
    this.#pending = [];
    for (const batch of pending) {
      if (difference === undefined) break;
      applyTo(this.#durable, batch);
      difference = differ();
    }
    this.#submitted = cloneAll(this.#durable);
    return difference;
  }
}

function ensure(groups: Map<number, GroupModel>, group: number): GroupModel {
  let model = groups.get(group);
  if (model === undefined) {
    model = new GroupModel();
    groups.set(group, model);
  }
  return model;
}

function applyTo(groups: Map<number, GroupModel>, batch: Batch): void {
  for (const update of batch) ensure(groups, update.group).apply(update);
}

function cloneAll(groups: Map<number, GroupModel>): Map<number, GroupModel> {
  return new Map([...groups].map(([id, model]) => [id, model.clone()]));
}
