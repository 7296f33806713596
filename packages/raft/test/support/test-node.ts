/** One node with storage in memory that does its work at once, and remembers what it did. */

import {
  type AppendTask,
  type ConfigState,
  type Entry,
  foundingConfig,
  type HardState,
  isStorageMessage,
  MemoryStorage,
  type Message,
  type PeerMessage,
  RaftCore,
  type RaftCoreOptions,
  type Random,
  type ReadState,
  type Snapshot,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../src/core/index.js";
import { at } from "./messages.js";
import { seededRandom } from "./seeded-random.js";

export interface TestNodeInit {
  readonly id: number;
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  readonly config?: ConfigState;
  /** Terms of the entries that are stored already, from index 1 on. */
  readonly log?: readonly number[];
  readonly term?: number;
  readonly vote?: number;
  readonly commit?: number;
  /** Where the log ended that was removed with the group: term and index. */
  readonly forgotten?: readonly [term: number, index: number];
  /** What the node starts from, in place of `voters` and `log`. */
  readonly snapshot?: Snapshot;
  readonly options?: RaftCoreOptions;
  readonly random?: Random;
}

/** Settings of the paper: none of the extensions. */
export const PAPER: RaftCoreOptions = {
  preVote: false,
  checkQuorum: false,
  stepDownOnRemoval: false,
  configChangeValidation: "lenient",
  shareCommitInElections: false,
};

export class TestNode {
  readonly id: number;
  readonly storage: MemoryStorage;
  core: RaftCore;
  readonly applied: Entry[] = [];
  readonly readStates: ReadState[] = [];
  /** Every append task in the order of storing. */
  readonly stored: AppendTask[] = [];
  readonly restored: Snapshot[] = [];
  /** The configuration that was last applied or restored. */
  config: ConfigState;
  readonly #init: TestNodeInit;

  constructor(init: TestNodeInit) {
    this.#init = init;
    this.id = init.id;
    const { voters = [1, 2, 3], learners = [] } = init;
    const config = init.config ?? foundingConfig({ voters, learners });
    this.config = init.snapshot?.meta.config ?? config;
    this.storage = new MemoryStorage(this.config);
    if (init.snapshot !== undefined) this.storage.applySnapshot(init.snapshot);
    this.storage.append(entriesOf(init.log ?? []));
    const { term = 0, vote, commit = init.snapshot?.meta.index ?? 0, forgotten } = init;
    this.storage.setHardState({
      ...hardState(term, vote, commit),
      ...(forgotten && { forgotten: at(...forgotten) }),
    });
    this.core = this.#start(init.snapshot?.meta.index ?? 0);
  }

  /** Loses what was not stored, and starts again. */
  restart(applied: number = this.applied.at(-1)?.index ?? this.storage.firstIndex() - 1): void {
    this.core = this.#start(applied);
  }

  /** Steps messages and does all work that follows. @returns what it sends to others */
  step(...messages: readonly Message[]): PeerMessage[] {
    for (const message of messages) this.core.step(message);
    return this.drain();
  }

  /** Lets `count` ticks pass and does all work that follows. */
  tick(count = 1): PeerMessage[] {
    const sent: PeerMessage[] = [];
    for (let i = 0; i < count; i += 1) {
      this.core.tick();
      sent.push(...this.drain());
    }
    return sent;
  }

  propose(text: string): PeerMessage[] {
    this.core.propose(bytes(text));
    return this.drain();
  }

  /** Does all work there is: stores, applies, and hears what that tells. */
  drain(): PeerMessage[] {
    const sent: PeerMessage[] = [];
    while (this.core.hasReady) {
      const ready = this.core.ready();
      sent.push(...ready.messages);
      this.readStates.push(...ready.readStates);
      if (ready.append !== undefined) sent.push(...this.#store(ready.append));
      if (ready.apply !== undefined) {
        for (const entry of ready.apply.entries) this.#apply(entry);
        this.core.step(ready.apply.response);
      }
    }
    return sent;
  }

  /** Texts of what was applied, without the empty entries that leaders begin with. */
  appliedTexts(): string[] {
    return this.applied
      .filter((entry) => entry.type === "normal" && entry.data.length > 0)
      .map((entry) => new TextDecoder().decode(entry.data));
  }

  /** Terms of all entries in storage, from its first index on. */
  logTerms(): number[] {
    const { storage } = this;
    const end = toLogIndex(storage.lastIndex() + 1);
    if (storage.firstIndex() >= end) return [];
    return storage
      .entries(storage.firstIndex(), end, Number.POSITIVE_INFINITY)
      .map((entry) => entry.term);
  }

  /** Makes a snapshot of everything applied, and forgets the log up to there. */
  compact(): Snapshot {
    const index = this.core.status().appliedIndex;
    const term = this.storage.term(index) ?? toTerm(0);
    const snapshot = { meta: { index, term, config: this.config }, data: bytes("state") };
    this.storage.saveSnapshot(snapshot);
    this.storage.compact(index);
    return snapshot;
  }

  /** Wins an election with the votes of `voters`, without any network. */
  becomeLeader(): PeerMessage[] {
    this.core.campaign();
    const { config } = this.core.status();
    const sent: PeerMessage[] = [];
    for (let round = 0; round < 2; round += 1) {
      sent.push(...this.drain());
      const { role } = this.core.status();
      if (role === "leader") break;
      for (const voter of new Set([...config.voters, ...config.votersOutgoing])) {
        if (voter === this.id) continue;
        const { term } = this.core.status();
        const isPreVote = this.core.status().role === "pre-candidate";
        this.core.step({
          type: isPreVote ? "pre-vote-response" : "vote-response",
          from: voter,
          to: toNodeId(this.id),
          term: isPreVote ? toTerm(term + 1) : term,
          granted: true,
        });
      }
    }
    return [...sent, ...this.drain()];
  }

  #store(task: AppendTask): PeerMessage[] {
    this.stored.push(task);
    if (task.hardState !== undefined) this.storage.setHardState(task.hardState);
    if (task.snapshot !== undefined) {
      this.storage.applySnapshot(task.snapshot);
      this.restored.push(task.snapshot);
      this.config = task.snapshot.meta.config;
    }
    this.storage.append(task.entries);
    const sent: PeerMessage[] = [];
    for (const response of task.responses) {
      if (isStorageMessage(response) || response.to === this.id) this.core.step(response);
      else sent.push(response);
    }
    return sent;
  }

  #apply(entry: Entry): void {
    this.applied.push(entry);
    if (entry.type === "normal") return;
    this.config = this.core.applyConfigChange(entry);
    this.storage.setConfig(this.config);
  }

  #start(applied: number): RaftCore {
    const random = this.#init.random ?? seededRandom(this.id);
    const deps = { id: this.id, storage: this.storage, random };
    return new RaftCore(deps, { ...this.#init.options, applied });
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function entriesOf(terms: readonly number[], firstIndex = 1): Entry[] {
  return terms.map((term, i) => ({
    term: toTerm(term),
    index: toLogIndex(firstIndex + i),
    type: "normal",
    data: new Uint8Array(0),
  }));
}

function hardState(term: number, vote: number | undefined, commit: number): HardState {
  return {
    term: toTerm(term),
    vote: vote === undefined ? undefined : toNodeId(vote),
    commit: toLogIndex(commit),
  };
}
