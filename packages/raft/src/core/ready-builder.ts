/** Collects the work that has come up since the last time, and hands it out. */

import type { Entry } from "./entry.js";
import type { Message, PeerMessage } from "./message.js";
import type { NodeState } from "./node-state.js";
import type { AppendTask, ApplyTask, Ready, SoftState } from "./ready.js";
import type { HardState, Snapshot } from "./storage.js";

export class ReadyBuilder {
  readonly #node: NodeState;
  #softState: SoftState;
  #hardState: HardState;

  constructor(node: NodeState) {
    this.#node = node;
    this.#softState = currentSoftState(node);
    this.#hardState = currentHardState(node);
  }

  get hasReady(): boolean {
    const node = this.#node;
    const { unstable } = node.log;
    return (
      node.messages.length > 0 ||
      node.afterAppend.length > 0 ||
      unstable.hasNextEntries ||
      node.log.hasNextCommitted(node.options.applyBeforeStable) ||
      !this.#isHardStateHandedOut() ||
      !this.#isSoftStateHandedOut() ||
      node.readStates.length > 0 ||
      unstable.nextSnapshot() !== undefined
    );
  }

  /** Takes everything: what is handed out here is never handed out again. */
  take(): Ready {
    const node = this.#node;
    const append = this.#takeAppend();
    const apply = this.#takeApply();
    const ready: Ready = {
      readStates: node.readStates,
      messages: node.messages,
      ...(this.#isSoftStateHandedOut() ? {} : { softState: currentSoftState(node) }),
      ...(append === undefined ? {} : { append }),
      ...(apply === undefined ? {} : { apply }),
    };
    if (ready.softState !== undefined) this.#softState = ready.softState;
    node.messages = [];
    node.readStates = [];
    node.log.unstable.acceptInProgress();
    if (apply !== undefined) node.log.acceptApplying(apply.entries, node.options.applyBeforeStable);
    return ready;
  }

  #takeAppend(): AppendTask | undefined {
    const node = this.#node;
    const { unstable } = node.log;
    const entries = unstable.nextEntries();
    const snapshot = unstable.nextSnapshot();
    const isStateNew = !this.#isHardStateHandedOut();
    const waiting = node.afterAppend;
    const hasWork =
      entries.length > 0 || snapshot !== undefined || isStateNew || waiting.length > 0;
    if (!hasWork) return undefined;

    const hardState = currentHardState(node);
    const previous = this.#hardState;
    node.afterAppend = [];
    this.#hardState = hardState;
    return {
      entries,
      responses: this.#responses(waiting, snapshot),
      mustSync:
        entries.length > 0 || hardState.term !== previous.term || hardState.vote !== previous.vote,
      ...(isStateNew ? { hardState } : {}),
      ...(snapshot === undefined ? {} : { snapshot }),
    };
  }

  /**
   * The report that ends an append names the end of the log, not of its own entries, and comes
   * with every append while anything is unstable. Reports of an earlier term are ignored, since a
   * later leader may have replaced those entries with others, and those with the first ones again,
   * in writes still under way. The next report, in the new term, then covers for them.
   */
  #responses(waiting: readonly PeerMessage[], snapshot: Snapshot | undefined): readonly Message[] {
    const node = this.#node;
    const hasUnstable = node.log.unstable.hasEntries;
    if (!hasUnstable && snapshot === undefined) return waiting;
    const last = hasUnstable ? { last: node.log.lastPosition() } : {};
    const carried = snapshot === undefined ? {} : { snapshot };
    return [...waiting, { type: "append-done", to: node.id, term: node.term, ...last, ...carried }];
  }

  #takeApply(): ApplyTask | undefined {
    const node = this.#node;
    const entries: readonly Entry[] = node.log.nextCommitted(node.options.applyBeforeStable);
    if (entries.length === 0) return undefined;
    return { entries, response: { type: "apply-done", to: node.id, entries } };
  }

  #isSoftStateHandedOut(): boolean {
    const { leader, role } = this.#node;
    return this.#softState.leader === leader && this.#softState.role === role;
  }

  #isHardStateHandedOut(): boolean {
    const { term, vote, log } = this.#node;
    const last = this.#hardState;
    return last.term === term && last.vote === vote && last.commit === log.committed;
  }
}

function currentSoftState(node: NodeState): SoftState {
  return { leader: node.leader, role: node.role };
}

function currentHardState(node: NodeState): HardState {
  const { term, vote, log, forgotten } = node;
  return { term, vote, commit: log.committed, ...(forgotten && { forgotten }) };
}
