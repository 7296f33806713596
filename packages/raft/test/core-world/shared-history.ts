/**
 * What all members together have done, and what must hold over it at any time (Raft paper, figure 3):
 *
 * - election safety: a term has at most one leader, and a node votes once in it;
 * - log matching: entries of the same index and term are the same, and so are those before them;
 * - leader completeness: who leads has everything that was ever committed;
 * - state machine safety: whoever applies an index applies the same entry, to the same state;
 * - durability: what is acknowledged is on the disk of who acknowledges it, and what a leader commits
 *   is on the disks of a quorum;
 * - terms never go back, and a vote never changes within one;
 * - a configuration change follows a commit of its own term, where that is promised;
 * - reads see all that anyone had applied when they were asked for.
 */

import type { ConfigState, Entry, HardState, PeerMessage } from "../../src/core/index.js";
import type { WorldNode } from "./world-node.js";

export class SharedHistory {
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Map<string, number>();
  readonly #entries = new Map<string, { readonly text: string; readonly before: number }>();
  /** By index: the entry's term, and the term in which somebody first knew it to be committed. */
  readonly #committed = new Map<number, { readonly term: number; readonly knownIn: number }>();
  readonly #applied = new Map<number, string>();
  /** State and configuration by the index that they were reached with. */
  readonly #hashes = new Map<number, number>();
  readonly #configs = new Map<number, string>();
  readonly #checkedCommit = new Map<number, number>();
  readonly #readFloors = new Map<number, number>();
  readonly #hardStates = new Map<number, HardState>();
  /** Terms of which an entry is committed. */
  readonly #committedTerms = new Set<number>();
  readonly #isStrict: boolean;
  highestApplied = 0;

  /** @param isStrict configuration changes are checked before they are appended */
  constructor(isStrict: boolean) {
    this.#isStrict = isStrict;
  }

  static hash(before: number, entry: Entry): number {
    let hash = Math.imul(before ^ entry.index, 0x9e37_79b1) ^ entry.term;
    for (const byte of entry.data) hash = Math.imul(hash ^ byte, 0x0100_0193);
    return hash >>> 0;
  }

  /** How many entries anyone has applied. */
  get appliedCount(): number {
    return this.#applied.size;
  }

  /** A read is asked for. */
  beginRead(context: number): void {
    this.#readFloors.set(context, this.highestApplied);
  }

  /** `response` is about to be heard. */
  checkPromise(node: WorldNode, response: PeerMessage): void {
    if (response.type === "vote-response" && response.granted) {
      const key = `${node.id} ${response.term}`;
      const other = this.#votes.get(key) ?? response.to;
      demand(other === response.to, `${node.id} votes twice in term ${response.term}`);
      this.#votes.set(key, response.to);
      const { hardState } = node.storage.initialState();
      const isStored = hardState.term > response.term || hardState.vote === response.to;
      demand(isStored, `${node.id} votes without having stored it`);
    }
    if (response.type === "append-response" && response.rejectedHint === undefined) {
      const lastIndex = node.storage.lastIndex();
      // Overwritten since, in a later term: then the answer is of an earlier one, and ignored.
      const isLate = node.core.term > response.term;
      demand(
        isLate || lastIndex >= response.index,
        `${node.id} acknowledges what it does not have`,
      );
    }
  }

  checkHardState(id: number, state: HardState): void {
    const before = this.#hardStates.get(id);
    this.#hardStates.set(id, state);
    if (before === undefined) return;
    demand(state.term >= before.term, `${id} goes back from term ${before.term} to ${state.term}`);
    const keepsVote = before.vote === undefined || before.vote === state.vote;
    demand(state.term > before.term || keepsVote, `${id} changes its vote in term ${state.term}`);
  }

  /** `entry` is in a log, behind one of term `before`. */
  checkEntry(id: number, entry: Entry, before: number | undefined): void {
    const key = `${entry.index} ${entry.term}`;
    const text = `${entry.type} ${entry.data.join(",")}`;
    const known = this.#entries.get(key);
    if (known === undefined) {
      const isEarly = entry.type !== "normal" && !this.#committedTerms.has(entry.term);
      const what = `configuration change ${key} precedes every commit of its term`;
      demand(!isEarly || !this.#isStrict, what);
      this.#entries.set(key, { text, before: before ?? -1 });
      return;
    }
    demand(known.text === text, `entry ${key} differs on ${id}`);
    const matches = before === undefined || known.before < 0 || known.before === before;
    demand(matches, `what precedes entry ${key} differs on ${id}`);
  }

  checkApplied(id: number, entry: Entry, lastApplied: number): void {
    demand(entry.index === lastApplied + 1, `${id} applies ${entry.index} after ${lastApplied}`);
    const text = `${entry.term} ${entry.type} ${entry.data.join(",")}`;
    const other = this.#applied.get(entry.index) ?? text;
    demand(other === text, `index ${entry.index} applied as ${other} and as ${text}`);
    this.#applied.set(entry.index, text);
    this.highestApplied = Math.max(this.highestApplied, entry.index);
  }

  /** @param config of that index; undefined where the member does not know it */
  checkState(id: number, index: number, hash: number, config: ConfigState | undefined): void {
    const known = this.#hashes.get(index) ?? hash;
    demand(known === hash, `the state of ${id} at ${index} is ${hash}, not ${known}`);
    this.#hashes.set(index, hash);
    if (config === undefined) return;
    const text = JSON.stringify(config);
    const other = this.#configs.get(index) ?? text;
    demand(other === text, `the configuration of ${id} at ${index} is ${text}, not ${other}`);
    this.#configs.set(index, text);
  }

  /** To call for each node after each step. */
  checkNode(node: WorldNode, nodes: readonly WorldNode[]): void {
    const { role, term, appliedIndex, commitIndex, lastIndex } = node.core;
    demand(appliedIndex <= commitIndex && commitIndex <= lastIndex, "applied <= commit <= last");
    if (role === "leader") this.#checkLeader(node, term);
    this.#checkCommitted(node, commitIndex, nodes);
    for (const { context, index } of node.readStates.splice(0)) {
      demand(index >= (this.#readFloors.get(context) ?? 0), `read ${context} is stale`);
    }
  }

  /** After a crash, the node begins anew. */
  forget(node: WorldNode): void {
    this.#checkedCommit.delete(node.id);
    this.#hardStates.set(node.id, node.storage.initialState().hardState);
  }

  #checkLeader(node: WorldNode, term: number): void {
    const known = this.#leaders.get(term);
    if (known === node.id) return;
    demand(known === undefined, `two leaders in term ${term}`);
    this.#leaders.set(term, node.id);
    this.#checkElection(node, term);
    const { firstIndex } = node.core.status();
    for (const [index, committed] of this.#committed) {
      // A late winner of an earlier term is no leader to those who have moved on.
      if (index < firstIndex || committed.knownIn >= term) continue;
      const isThere = node.logTerm(index) === committed.term;
      demand(isThere, `the leader of term ${term} lacks committed entry ${index}`);
    }
  }

  /** Who leads was given the votes of a quorum, all of them stored. */
  #checkElection(node: WorldNode, term: number): void {
    const { config } = node.core.status();
    const { voters, votersOutgoing } = config;
    const isVoter = voters.includes(node.core.id) || votersOutgoing.includes(node.core.id);
    demand(isVoter, `${node.id} leads and is no voter`);
    demand(!node.hasUnappliedChange, `${node.id} leads with a change to apply`);
    for (const half of [voters, votersOutgoing]) {
      const granted = half.filter((voter) => this.#votes.get(`${voter} ${term}`) === node.id);
      const isQuorum = half.length === 0 || granted.length * 2 > half.length;
      demand(isQuorum, `${node.id} leads by ${granted.length} votes of ${half.join()}`);
    }
  }

  #checkCommitted(node: WorldNode, commitIndex: number, nodes: readonly WorldNode[]): void {
    const from = this.#checkedCommit.get(node.id) ?? 0;
    if (commitIndex <= from) return;
    for (let index = from + 1; index <= commitIndex; index += 1) {
      const term = node.logTerm(index);
      if (term === undefined) continue;
      const known = this.#committed.get(index) ?? { term, knownIn: node.core.term };
      demand(known.term === term, `entry ${index} committed in terms ${known.term} and ${term}`);
      this.#committed.set(index, known);
      this.#committedTerms.add(term);
    }
    this.#checkedCommit.set(node.id, commitIndex);
    const { role, term } = node.core;
    if (role === "leader" && node.logTerm(commitIndex) === term) {
      checkQuorumHolds(node, commitIndex, nodes);
    }
  }
}

/** What a leader commits is durable on a quorum of each half of its configuration. */
function checkQuorumHolds(leader: WorldNode, index: number, nodes: readonly WorldNode[]): void {
  const { config, term } = leader.core.status();
  for (const half of [config.voters, config.votersOutgoing]) {
    const holders = half.filter((id) => nodes[id - 1]?.holds(index, term));
    const isQuorum = half.length === 0 || holders.length * 2 > half.length;
    demand(
      isQuorum,
      `${leader.id} commits ${index}, durable on ${holders.length} of ${half.join()}`,
    );
  }
}

export function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
