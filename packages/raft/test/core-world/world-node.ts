/**
 * One member of a simulated group: a core, a disk that takes its time, and a state machine whose state
 * is a hash over all that was applied.
 *
 * What is handed out to be written waits in a queue until the world lets the disk work. A crash loses
 * the queue, but for as many of the oldest writes as the disk had made durable without saying so yet.
 * State that need not be synced is not written at all before something else is, as hosts do it.
 *
 * Invariant: a response of an append task leaves only when that task, and all before it, is durable.
 */

import {
  type AppendTask,
  type ApplyTask,
  type ConfigState,
  type CoreEvent,
  type Entry,
  type HardState,
  isStorageMessage,
  type LogIndex,
  MemoryStorage,
  type PeerMessage,
  RaftCore,
  type RaftCoreOptions,
  type Random,
  type ReadState,
  type Snapshot,
  type Term,
  toLogIndex,
} from "../../src/core/index.js";
import { bytes } from "../support/test-node.js";
import { demand, SharedHistory } from "./shared-history.js";

/** What a node brings back from a crash knows of committed entries by what its state machine holds. */
class WorldStorage extends MemoryStorage {
  knownCommit = 0;
  /** Terms of the log as the core gave it out to be written, done or not. */
  logTerms: ReadonlyMap<number, number> = new Map();

  durableTerm(index: LogIndex): Term | undefined {
    return super.term(index);
  }

  /** A core that reads what is being replaced has forgotten that it replaced it. */
  override term(index: LogIndex): Term | undefined {
    const term = super.term(index);
    const newest = this.logTerms.get(index);
    demand(term === newest || newest === undefined, `term of entry ${index} read as ${term}`);
    return term;
  }

  override initialState(): ReturnType<MemoryStorage["initialState"]> {
    const { hardState, config } = super.initialState();
    const commit = toLogIndex(Math.max(hardState.commit, this.knownCommit));
    return { hardState: { ...hardState, commit }, config };
  }
}

export interface WorldNodeInit {
  readonly id: number;
  readonly founded: Snapshot | undefined;
  readonly options: RaftCoreOptions;
  readonly random: Random;
  readonly history: SharedHistory;
}

interface DurableState {
  readonly index: number;
  readonly hash: number;
  readonly config: ConfigState;
}

export class WorldNode {
  readonly id: number;
  readonly storage: WorldStorage;
  core: RaftCore;
  readonly readStates: ReadState[] = [];
  config: ConfigState;
  readonly #init: WorldNodeInit;
  #writes: AppendTask[] = [];
  /** State that waits for the next write. */
  #lazyState: HardState | undefined;
  #applies: ApplyTask[] = [];
  /** Terms of the log as the core sees it, durable or not, from `#logStart` on. */
  #logTerms = new Map<number, number>();
  /** Where changes of the configuration are in the log. */
  readonly #configs = new Set<number>();
  /** A member needs a newer snapshot than there is. */
  isSnapshotNeeded = false;
  #stateIndex = 0;
  #stateHash = 0;
  /**
   * What a crash leaves of the state machine. It lags while the configuration of the point that has been
   * reached is not known; see `#isConfigKnown`.
   */
  #durable: DurableState;

  constructor(init: WorldNodeInit) {
    this.#init = init;
    this.id = init.id;
    this.storage = new WorldStorage();
    if (init.founded !== undefined) {
      this.storage.applySnapshot(init.founded);
      this.#stateIndex = init.founded.meta.index;
    }
    this.config = this.storage.initialState().config;
    this.#durable = { index: this.#stateIndex, hash: 0, config: this.config };
    this.core = this.#start();
  }

  get pendingWrites(): number {
    return this.#writes.length;
  }

  get pendingApplies(): number {
    return this.#applies.length;
  }

  /** Term of an entry in the log as the core sees it; undefined when it is not there. */
  logTerm(index: number): number | undefined {
    return this.#logTerms.get(index);
  }

  /** Whether the entry is durable here, or was before it was compacted. */
  holds(index: number, term: number): boolean {
    if (index < this.storage.firstIndex()) return true;
    return this.storage.durableTerm(toLogIndex(index)) === term;
  }

  /** Whether it knows of a committed change of the configuration that it has not applied. */
  get hasUnappliedChange(): boolean {
    const { appliedIndex, commitIndex } = this.core;
    return [...this.#configs].some((index) => index > appliedIndex && index <= commitIndex);
  }

  /** Takes all work that the core has. @returns what may be sent at once */
  collect(): PeerMessage[] {
    const sent: PeerMessage[] = [];
    while (this.core.hasReady) {
      const ready = this.core.ready();
      for (const message of ready.messages) this.#init.history.checkPromise(this, message);
      sent.push(...ready.messages);
      this.readStates.push(...ready.readStates);
      if (ready.append !== undefined) {
        this.#writes.push(ready.append);
        const { hardState } = ready.append;
        if (hardState !== undefined) this.#init.history.checkHardState(this.id, hardState);
        this.#noteLog(ready.append);
      }
      if (ready.apply !== undefined) this.#applies.push(ready.apply);
    }
    return sent;
  }

  /** The disk finishes its oldest write. @returns what may be sent now */
  finishWrite(): PeerMessage[] {
    const task = this.#writes.shift();
    if (task === undefined) return [];
    if (needsDisk(task)) this.#store(task);
    else this.#lazyState = task.hardState ?? this.#lazyState;
    const sent: PeerMessage[] = [];
    for (const response of task.responses) {
      if (isStorageMessage(response)) {
        this.core.step(response);
        continue;
      }
      this.#init.history.checkPromise(this, response);
      if (response.to === this.id) this.core.step(response);
      else sent.push(response);
    }
    return sent;
  }

  /** The state machine finishes its oldest task. */
  finishApply(): void {
    const task = this.#applies.shift();
    if (task === undefined) return;
    for (const entry of task.entries) this.#apply(entry);
    this.core.step(task.response);
  }

  /** Power is cut; `durable` of the writes under way had reached the disk. */
  crash(durable: number): void {
    for (const task of this.#writes.slice(0, durable)) this.#store(task);
    this.#writes = [];
    this.#lazyState = undefined;
    this.#applies = [];
    this.readStates.length = 0;
    this.#logTerms = new Map();
    this.#configs.clear();
    this.#stateIndex = this.#durable.index;
    this.#stateHash = this.#durable.hash;
    this.config = this.#durable.config;
    this.storage.knownCommit = this.#stateIndex;
    this.core = this.#start();
  }

  /** Makes a snapshot of the state, and forgets the log up to `keep` entries before it. */
  compact(keep: number): void {
    if (!this.#isConfigKnown) return;
    const index = toLogIndex(this.#stateIndex);
    if (index < this.storage.firstIndex() || index > this.storage.lastIndex()) return;
    const term = this.storage.term(index);
    if (term === undefined) return;
    this.isSnapshotNeeded = false;
    const meta = { index, term, config: this.config };
    this.storage.saveSnapshot({ meta, data: bytes(String(this.#stateHash)) });
    const to = index - keep;
    if (to >= this.storage.firstIndex()) this.storage.compact(toLogIndex(to));
  }

  #store(task: AppendTask): void {
    const hardState = task.hardState ?? this.#lazyState;
    this.#lazyState = undefined;
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (task.snapshot !== undefined) this.#restore(task.snapshot);
    this.storage.append(task.entries);
  }

  #restore(snapshot: Snapshot): void {
    // What was handed out before comes before it.
    while (this.#applies.length > 0) this.finishApply();
    this.storage.applySnapshot(snapshot);
    this.config = snapshot.meta.config;
    this.#stateIndex = snapshot.meta.index;
    this.#stateHash = Number(new TextDecoder().decode(snapshot.data));
    this.#settleState();
  }

  #apply(entry: Entry): void {
    // Behind a snapshot that was restored meanwhile.
    if (entry.index <= this.#stateIndex) return;
    if (entry.type !== "normal") this.config = this.core.applyConfigChange(entry);
    this.#init.history.checkApplied(this.id, entry, this.#stateIndex);
    this.#stateIndex = entry.index;
    this.#stateHash = SharedHistory.hash(this.#stateHash, entry);
    this.#settleState();
  }

  /**
   * Behind a snapshot that the core has restored meanwhile, changes are answered with the snapshot's
   * configuration. It is the one of this point only from the change on that made it.
   */
  get #isConfigKnown(): boolean {
    return this.config.changedAt <= this.#stateIndex;
  }

  /** The state machine has reached another index. */
  #settleState(): void {
    const { config } = this;
    const [index, hash] = [this.#stateIndex, this.#stateHash];
    this.#init.history.checkState(this.id, index, hash, this.#isConfigKnown ? config : undefined);
    if (!this.#isConfigKnown) return;
    this.#durable = { index, hash, config };
    this.storage.setConfig(config);
  }

  #noteLog(task: AppendTask): void {
    const { snapshot, entries } = task;
    if (snapshot !== undefined) {
      this.#logTerms = new Map([[snapshot.meta.index, snapshot.meta.term]]);
      this.#configs.clear();
      this.storage.logTerms = this.#logTerms;
    }
    const first = entries[0];
    if (first === undefined) return;
    for (let index: number = first.index; this.#logTerms.delete(index); index += 1) {
      this.#configs.delete(index);
    }
    for (const entry of entries) {
      this.#init.history.checkEntry(this.id, entry, this.#logTerms.get(entry.index - 1));
      this.#logTerms.set(entry.index, entry.term);
      if (entry.type !== "normal") this.#configs.add(entry.index);
    }
  }

  #observe(event: CoreEvent): void {
    if (event.type === "snapshot-needed") this.isSnapshotNeeded = true;
    if (event.type !== "campaigning") return;
    demand(!this.hasUnappliedChange, `${this.id} campaigns with a change to apply`);
  }

  #readAll(end: LogIndex): readonly Entry[] {
    const first = this.storage.firstIndex();
    return first < end ? this.storage.entries(first, end, Number.POSITIVE_INFINITY) : [];
  }

  #start(): RaftCore {
    const { id, random, options } = this.#init;
    const { storage } = this;
    for (let index = storage.firstIndex() - 1; index <= storage.lastIndex(); index += 1) {
      const term = storage.durableTerm(toLogIndex(index));
      if (term !== undefined) this.#logTerms.set(index, term);
    }
    storage.logTerms = this.#logTerms;
    const end = toLogIndex(storage.lastIndex() + 1);
    for (const entry of this.#readAll(end))
      if (entry.type !== "normal") this.#configs.add(entry.index);
    const observer = (event: CoreEvent): void => this.#observe(event);
    const deps = { id, storage, random, observer };
    return new RaftCore(deps, { ...options, applied: this.#stateIndex });
  }
}

function needsDisk({ mustSync, snapshot }: AppendTask): boolean {
  return mustSync || snapshot !== undefined;
}
