/** A node of an interaction script: a core, its storage, and a state machine that appends bytes. */

import {
  type AppendTask,
  type ApplyTask,
  decodeConfigChange,
  type Entry,
  foundingConfig,
  MemoryStorage,
  type Message,
  RaftCore,
  type RaftCoreOptions,
  type Random,
  type Snapshot,
  toLogIndex,
  toTerm,
} from "../../src/core/index.js";

export interface NodeSettings {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** Index of the snapshot the node starts from; 0 for an empty node. */
  readonly index: number;
  readonly content: string;
  readonly isAsync: boolean;
  readonly core: RaftCoreOptions;
}

/** Ticks of the scripts' nodes, unless they say otherwise. */
const ELECTION_TICKS = 3;
const HEARTBEAT_TICKS = 1;

/** What the scripts assume where they say nothing: no limits, and none of the safer defaults. */
const SCRIPT_OPTIONS: RaftCoreOptions = {
  electionTicks: ELECTION_TICKS,
  heartbeatTicks: HEARTBEAT_TICKS,
  maxAppendBytes: Number.POSITIVE_INFINITY,
  maxApplyingBytes: Number.POSITIVE_INFINITY,
  maxUncommittedBytes: Number.POSITIVE_INFINITY,
  maxEntryBytes: Number.POSITIVE_INFINITY,
  maxInflightMessages: 2 ** 31 - 1,
  maxInflightBytes: Number.POSITIVE_INFINITY,
  checkQuorum: false,
  preVote: false,
  stepDownOnRemoval: false,
  configChangeValidation: "lenient",
  shareCommitInElections: false,
};

/** Offers the latest state of the node's state machine as snapshot, whatever the log holds. */
class ScriptStorage extends MemoryStorage {
  readonly history: Snapshot[];

  constructor(first: Snapshot | undefined) {
    super();
    this.history = first === undefined ? [] : [first];
    if (first !== undefined) this.applySnapshot(first);
  }

  override snapshot(): Snapshot | undefined {
    return this.history.at(-1);
  }
}

export class ScriptNode {
  readonly id: number;
  readonly isAsync: boolean;
  readonly storage: ScriptStorage;
  readonly appendWork: AppendTask[] = [];
  readonly applyWork: ApplyTask[] = [];
  core: RaftCore;
  readonly #options: RaftCoreOptions;
  readonly #random: Random;

  constructor(id: number, settings: NodeSettings, random: Random) {
    this.id = id;
    this.isAsync = settings.isAsync;
    this.storage = new ScriptStorage(firstSnapshot(settings));
    this.#options = {
      ...SCRIPT_OPTIONS,
      applyBeforeStable: !settings.isAsync,
      ...settings.core,
    };
    this.#random = random;
    this.core = this.#start(settings.index);
  }

  get electionTicks(): number {
    return this.#options.electionTicks ?? ELECTION_TICKS;
  }

  get heartbeatTicks(): number {
    return this.#options.heartbeatTicks ?? HEARTBEAT_TICKS;
  }

  /** Loses everything that is not stored, and starts again from the storage. */
  restart(applied: number): void {
    this.appendWork.length = 0;
    this.applyWork.length = 0;
    this.core = this.#start(applied);
  }

  store(task: AppendTask): void {
    const { hardState, snapshot, entries } = task;
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (snapshot === undefined) {
      this.storage.append(entries);
      return;
    }
    if (entries.length > 0) throw new Error("can't apply snapshot and entries at the same time");
    this.storage.applySnapshot(snapshot);
  }

  apply(task: ApplyTask): void {
    for (const entry of task.entries) this.#applyEntry(entry);
  }

  /** Reports blocking storage as done: what this node says to itself, in order. */
  acknowledge(responses: readonly Message[]): void {
    for (const response of responses) this.core.step(response);
  }

  #start(applied: number): RaftCore {
    const deps = { id: this.id, storage: this.storage, random: this.#random };
    return new RaftCore(deps, { ...this.#options, applied });
  }

  #applyEntry(entry: Entry): void {
    const { history } = this.storage;
    const before = history.at(-1);
    let config = before?.meta.config ?? foundingConfig({ voters: [] });
    let update = entry.data;
    if (entry.type !== "normal") {
      config = this.core.applyConfigChange(entry);
      this.storage.setConfig(config);
      update = decodeConfigChange(entry).context ?? new Uint8Array(0);
    }
    const data = new Uint8Array([...(before?.data ?? []), ...update]);
    history.push({ meta: { index: entry.index, term: entry.term, config }, data });
  }
}

function firstSnapshot(settings: NodeSettings): Snapshot | undefined {
  const { voters, learners, index, content } = settings;
  if (index === 0 && voters.length === 0 && learners.length === 0 && content === "") {
    return undefined;
  }
  if (index <= 1) throw new Error("index must be specified as > 1 due to bootstrap");
  return {
    meta: {
      index: toLogIndex(index),
      term: toTerm(1),
      config: foundingConfig({ voters, learners }),
    },
    data: new TextEncoder().encode(content),
  };
}
