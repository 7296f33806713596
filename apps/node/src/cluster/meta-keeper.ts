/**
 * What the leader of the meta group does unasked: brings in the first map, and keeps the group's members as the map
 * says. One change at a time, each from what is there, so that a new leader goes on where the old one stopped.
 */
import type { Clock } from "@titan/bitcask";
import { isRaftError, isRaftHostError, type RaftGroup } from "@titan/raft";
import type { Logger } from "../logger.js";
import type { MapView } from "./map-source.js";
import type { MetaGroup } from "./meta-group.js";
import type { MetaMachine } from "./meta-machine.js";
import { nextMetaChange } from "./meta-members.js";

export interface MetaKeeperDeps {
  readonly group: RaftGroup;
  readonly machine: MetaMachine;
  readonly meta: MetaGroup;
  readonly map: MapView;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Between looks, while nothing is known to have changed. It costs a look into memory. */
const LOOK_MS = 500;
const CALL = { timeoutMs: 5_000 };
/** Entries that a learner may lack to be given a vote. */
const MAX_LAG = 500;

export class MetaKeeper {
  readonly #deps: MetaKeeperDeps;
  #cancel: (() => void) | undefined;
  #turn: Promise<void> | undefined;
  #isStopped = false;
  readonly #endListening: () => void;

  constructor(deps: MetaKeeperDeps) {
    this.#deps = deps;
    this.#endListening = deps.map.onChange(() => this.#lookIn(0));
    this.#lookIn(0);
  }

  /** Resolves when nothing is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    this.#endListening();
    await this.#turn;
  }

  #lookIn(delayMs: number): void {
    if (this.#isStopped || this.#turn !== undefined) return;
    this.#cancel?.();
    this.#cancel = this.#deps.clock.schedule(delayMs, () => {
      this.#turn = this.#look()
        .catch((error: unknown) => {
          // Refusals are part of the game: another change under way, a leader that lost the lead.
          if (isRaftError(error) || isRaftHostError(error) || this.#isStopped) return false;
          this.#deps.logger.warn({ error }, "the members of the meta group could not be changed");
          return false;
        })
        .then((hasChanged) => {
          this.#turn = undefined;
          this.#lookIn(hasChanged ? 0 : LOOK_MS);
        });
    });
  }

  /** @returns whether something was changed */
  async #look(): Promise<boolean> {
    const { group, machine, meta, map, logger } = this.#deps;
    if (!meta.isLeader) return false;
    const status = group.status();
    // A new leader has not applied all that its predecessors did.
    if (status.appliedIndex < status.commitIndex) return false;
    if (machine.map === undefined) {
      // The same for all founders, so it does not matter whose it is.
      await meta.change({ type: "found", map: map.current }, CALL);
      return true;
    }
    const caughtUp = status.members
      .filter((member) => member.recentActive && member.match + MAX_LAG >= status.lastIndex)
      .map(({ id }) => id);
    const { config } = status;
    const changes = nextMetaChange(machine.map, { config, caughtUp: new Set(caughtUp) });
    if (changes === undefined) return false;
    await group.changeConfig(
      { transition: "auto", changes },
      { ...CALL, ifChangedAt: config.changedAt },
    );
    logger.info({ changes }, "the members of the meta group have changed");
    return true;
  }
}
