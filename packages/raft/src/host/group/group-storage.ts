/**
 * A group's log as its core is to find it. A group starts from its last snapshot: with the
 * configuration of that point, and with every later entry to be applied again. So a configuration can
 * never be newer than what is applied, and state kept beside the state machine's own is rebuilt.
 */

import { type ConfigState, EMPTY_CONFIG_STATE } from "../../core/configuration.js";
import type { Entry } from "../../core/entry.js";
import { INDEX_ZERO, type LogIndex, laterIndex, type Term } from "../../core/ids.js";
import type { HardState, LogStorage, Snapshot } from "../../core/storage.js";

export class GroupStorage implements LogStorage {
  readonly #log: LogStorage;
  readonly #knownCommit: LogIndex;

  /** @param knownCommit committed for certain: what the state machine holds */
  constructor(log: LogStorage, knownCommit: LogIndex) {
    this.#log = log;
    this.#knownCommit = knownCommit;
  }

  initialState(): { readonly hardState: HardState; readonly config: ConfigState } {
    const { hardState } = this.#log.initialState();
    const config = this.#log.snapshot()?.meta.config ?? EMPTY_CONFIG_STATE;
    // Writes of the commit index are lazy, and so it may be older than what they were followed by.
    const commit = laterIndex(laterIndex(hardState.commit, this.#knownCommit), this.#startIndex());
    return { hardState: { ...hardState, commit }, config };
  }

  firstIndex(): LogIndex {
    return this.#log.firstIndex();
  }

  lastIndex(): LogIndex {
    return this.#log.lastIndex();
  }

  term(index: LogIndex): Term | undefined {
    return this.#log.term(index);
  }

  entries(low: LogIndex, high: LogIndex, maxBytes: number): readonly Entry[] {
    return this.#log.entries(low, high, maxBytes);
  }

  snapshot(): Snapshot | undefined {
    return this.#log.snapshot();
  }

  #startIndex(): LogIndex {
    return this.#log.snapshot()?.meta.index ?? INDEX_ZERO;
  }
}
