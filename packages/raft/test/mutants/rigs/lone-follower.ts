/**
 * One follower, and a history of leaders that it hears of late, twice, and in any order. Only the follower
 * is real: leaders are logs that agree as the protocol has them agree. So what takes three elections and a
 * slow disk in a group happens in a few steps.
 */

import {
  type AppendTask,
  type ApplyTask,
  type ConfigState,
  type Entry,
  encodeConfigChange,
  foundingConfig,
  isStorageMessage,
  type LogIndex,
  MemoryStorage,
  type PeerMessage,
  parseMemberChanges,
  RaftCore,
  type Snapshot,
  type Term,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../../src/core/index.js";
import { demand } from "../../core-world/shared-history.js";
import { seededRandom } from "../../support/seeded-random.js";
import { bytes } from "../../support/test-node.js";

const SELF = toNodeId(1);
const VOTERS = [1, 2, 3, 4, 5];
const LEARNER = 6;
const STEPS = 600;
const MAX_MESSAGES = 40;
/** Of so many leaders before it a new one may have its log. */
const RECENT = 3;
const FOUNDED: Snapshot = {
  meta: { index: toLogIndex(1), term: toTerm(0), config: configOf([], 1) },
  data: bytes("state"),
};

/** The learner comes with the first change, goes with the second, and so on. */
function configOf(log: readonly Entry[], through: number): ConfigState {
  const changes = log.filter(({ type, index }) => type !== "normal" && index <= through);
  const learners = changes.length % 2 === 0 ? [] : [LEARNER];
  const changedAt = changes.at(-1)?.index ?? toLogIndex(1);
  return { ...foundingConfig({ voters: VOTERS, learners }), changedAt };
}

/** Finds out when the core reads a term that was handed out to be replaced. */
class CheckedStorage extends MemoryStorage {
  newest: ReadonlyMap<number, number> = new Map();

  override term(index: LogIndex): Term | undefined {
    const term = super.term(index);
    const newest = this.newest.get(index);
    demand(term === newest || newest === undefined, `term of entry ${index} read as ${term}`);
    return term;
  }

  durableTerm(index: number): number | undefined {
    return super.term(toLogIndex(index));
  }
}

interface Leader {
  readonly id: number;
  readonly term: number;
  /** From index 2 on. */
  readonly log: Entry[];
  /** What the follower has acknowledged to it. */
  match: number;
}

export class LoneFollower {
  readonly #next: (bound: number) => number;
  readonly #storage = new CheckedStorage();
  readonly #core: RaftCore;
  readonly #logTerms = new Map<number, number>([[1, 0]]);
  readonly #leaders: Leader[] = [];
  #committed: Entry[] = [];
  readonly #messages: PeerMessage[] = [];
  readonly #writes: AppendTask[] = [];
  readonly #applies: ApplyTask[] = [];
  #applied = 1;
  #commit = 1;
  #changedAt = 1;
  /** Of so many steps one is an election. */
  readonly #calm: number;
  /** Of so many chances the disk takes one. */
  readonly #diskSlowness: number;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#next = (bound) => random.nextInt(bound);
    this.#calm = [6, 12, 30][this.#next(3)] ?? 6;
    this.#diskSlowness = [1, 3, 8][this.#next(3)] ?? 1;
    this.#storage.applySnapshot(FOUNDED);
    this.#storage.newest = this.#logTerms;
    const options = { maxApplyingBytes: this.#next(2) === 0 ? 1 : 200, applied: 1 };
    this.#core = new RaftCore({ id: SELF, storage: this.#storage, random }, options);
    this.#elect();
  }

  run(): undefined {
    for (let step = 0; step < STEPS; step += 1) {
      this.#step();
      this.#collect();
      this.#check();
    }
  }

  #step(): void {
    const leader = this.#leaders.at(-1);
    const what = this.#next(20);
    const isUnsettled = this.#next(this.#calm) === 0;
    if (leader === undefined || isUnsettled) this.#elect();
    else if (what < 5) this.#propose(leader);
    else if (what < 6) this.#commitMore(leader);
    else if (what < 10) this.#sendAppend(leader);
    else if (what === 10) this.#sendHeartbeat(leader);
    else if (what === 11 && this.#next(3) === 0) this.#sendSnapshot(leader);
    else if (what < 16) this.#deliver();
    else if (what < 18 && this.#next(this.#diskSlowness) === 0) this.#finishWrite();
    else if (what >= 18) this.#finishApply();
  }

  /** Somebody who has all that is committed, and something of an earlier leader. */
  #elect(): void {
    const term = (this.#leaders.at(-1)?.term ?? 0) + 1;
    const last = this.#committed.at(-1);
    const able = this.#leaders.filter(({ log }) => {
      return last === undefined || log[last.index - 2]?.term === last.term;
    });
    const recent = able.slice(-RECENT);
    const base = recent[this.#next(recent.length || 1)]?.log ?? this.#committed;
    const kept = this.#committed.length + this.#next(base.length - this.#committed.length + 1);
    const leader = { id: 2 + this.#next(4), term, log: base.slice(0, kept), match: 1 };
    this.#leaders.push(leader);
    this.#propose(leader);
  }

  #propose({ log, term }: Leader): void {
    const isChange = this.#next(3) === 0;
    const position = { term: toTerm(term), index: toLogIndex(log.length + 2) };
    const toggle = configOf(log, position.index).learners.length === 0 ? "l6" : "r6";
    const changes = parseMemberChanges(toggle);
    log.push(
      isChange
        ? { ...position, ...encodeConfigChange({ transition: "auto", changes }) }
        : { ...position, type: "normal", data: bytes(`${term}`) },
    );
  }

  #commitMore({ log, term }: Leader): void {
    const through = this.#committed.length + this.#next(log.length - this.#committed.length + 1);
    if (log[through - 1]?.term === term) this.#committed = log.slice(0, through);
  }

  get #lastCommitted(): number {
    return this.#committed.length + 1;
  }

  /** From where the logs may meet, mostly; probing has led there. */
  #sendAppend({ id, term, log }: Leader): void {
    const { commitIndex, lastIndex } = this.#core;
    const near = Math.min(commitIndex + this.#next(lastIndex - commitIndex + 1), log.length + 1);
    const from = this.#next(4) > 0 ? near : 1 + this.#next(log.length + 1);
    const entries = log.slice(from - 1, from - 1 + this.#next(4));
    const previous = { index: toLogIndex(from), term: toTerm(log[from - 2]?.term ?? 0) };
    const commit = toLogIndex(this.#lastCommitted);
    this.#send({ type: "append-request", ...between(id, term), previous, entries, commit });
  }

  #sendHeartbeat({ id, term, match }: Leader): void {
    const commit = toLogIndex(Math.min(match, this.#lastCommitted));
    this.#send({ type: "heartbeat-request", ...between(id, term), commit, readPosition: 0 });
  }

  #sendSnapshot({ id, term }: Leader): void {
    const last = this.#committed[this.#next(this.#committed.length || 1)];
    if (last === undefined) return;
    const config = configOf(this.#committed, last.index);
    const meta = { index: last.index, term: last.term, config };
    const snapshot = { meta, data: bytes("state") };
    this.#send({ type: "snapshot-request", ...between(id, term), snapshot });
  }

  #send(message: PeerMessage): void {
    this.#messages.push(message);
    if (this.#messages.length > MAX_MESSAGES) this.#messages.shift();
  }

  #deliver(): void {
    if (this.#messages.length === 0) return;
    // Mostly the newest: of the others few are still of the present term.
    const last = this.#messages.length - 1;
    const at = this.#next(3) > 0 ? last : this.#next(last + 1);
    const message = this.#messages[at];
    // Some come again.
    if (this.#next(6) > 0) this.#messages.splice(at, 1);
    if (message !== undefined) this.#core.step(message);
  }

  #collect(): void {
    while (this.#core.hasReady) {
      const { append, apply } = this.#core.ready();
      if (append !== undefined) {
        this.#noteLog(append);
        this.#writes.push(append);
      }
      if (apply !== undefined) this.#applies.push(apply);
    }
  }

  #noteLog({ snapshot, entries }: AppendTask): void {
    const logTerms = this.#logTerms;
    if (snapshot !== undefined) {
      logTerms.clear();
      logTerms.set(snapshot.meta.index, snapshot.meta.term);
    }
    const first = entries[0];
    if (first === undefined) return;
    for (let index: number = first.index; logTerms.delete(index); index += 1);
    for (const { index, term } of entries) logTerms.set(index, term);
  }

  #finishWrite(): void {
    const task = this.#writes.shift();
    if (task === undefined) return;
    if (task.hardState !== undefined) this.#storage.setHardState(task.hardState);
    if (task.snapshot !== undefined) {
      this.#storage.applySnapshot(task.snapshot);
      this.#applied = Math.max(this.#applied, task.snapshot.meta.index);
    }
    this.#storage.append(task.entries);
    for (const response of task.responses) {
      if (isStorageMessage(response)) this.#core.step(response);
      else this.#onResponse(response);
    }
  }

  /** What is acknowledged is durable, and the leader's. */
  #onResponse(response: PeerMessage): void {
    if (response.type !== "append-response" || response.rejectedHint !== undefined) return;
    const leader = this.#leaders.find(({ term }) => term === response.term);
    if (leader === undefined || response.index < this.#storage.firstIndex()) return;
    const term = leader.log[response.index - 2]?.term;
    const stored = this.#storage.durableTerm(response.index);
    demand(
      stored === term,
      `entry ${response.index} acknowledged with term ${stored}, not ${term}`,
    );
    leader.match = Math.max(leader.match, response.index);
  }

  /** State machines may be slow: what they were given may lie behind a snapshot by then. */
  #finishApply(): void {
    const task = this.#applies.shift();
    if (task === undefined) return;
    for (const entry of task.entries) {
      if (entry.type !== "normal") this.#core.applyConfigChange(entry);
      this.#applied = Math.max(this.#applied, entry.index);
    }
    this.#core.step(task.response);
  }

  #check(): void {
    const { commitIndex, config } = this.#core.status();
    demand(commitIndex >= this.#commit, `the commit goes from ${this.#commit} to ${commitIndex}`);
    demand(commitIndex <= this.#lastCommitted, `${commitIndex} is committed by nobody`);
    this.#commit = commitIndex;
    for (const [index, term] of this.#logTerms) {
      const committed = this.#committed[index - 2];
      if (index > commitIndex || committed === undefined) continue;
      demand(committed.term === term, `entry ${index} of term ${term} passes for committed`);
    }
    const { changedAt } = config;
    demand(changedAt >= this.#changedAt, `members go from ${this.#changedAt} to ${changedAt}`);
    this.#changedAt = changedAt;
    const known = configOf(this.#committed, changedAt);
    const isKnown = known.learners.join() === config.learners.join();
    demand(isKnown, `learners are [${config.learners.join()}], not [${known.learners.join()}]`);
  }
}

function between(from: number, term: number) {
  return { from: toNodeId(from), to: SELF, term: toTerm(term) };
}
