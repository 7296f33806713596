/** What the order of effects may have led to so far: all that is possible, without what something else covers. */
import type { Value } from "../history/operation.js";

/**
 * One possibility. Operations under way are bits: those that were answered in the end in `done` and `absorbed`,
 * those that never were in `spent`.
 */
export interface Configuration {
  readonly state: Value;
  /** Have taken effect. */
  readonly done: bigint;
  /**
   * Blind writes that may be taken either way: as still to come, or as having been overwritten by the last
   * blind write, unseen. Without this, n concurrent puts would make 2^n configurations.
   */
  readonly absorbed: bigint;
  /** Have taken effect though never answered. */
  readonly spent: bigint;
}

/**
 * Holds no two configurations of which one can do all that the other can: what is not spent can still be
 * spent, or never.
 */
export class ConfigurationSet {
  readonly #byRest = new Map<string, Configuration[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns whether it was not covered by one that is there already */
  add(configuration: Configuration): boolean {
    const { state, done, absorbed, spent } = configuration;
    const rest = `${done.toString(36)}|${absorbed.toString(36)}|${state === undefined ? "" : `=${state}`}`;
    const alike = this.#byRest.get(rest);
    if (alike === undefined) {
      this.#byRest.set(rest, [configuration]);
      this.#size += 1;
      return true;
    }
    if (alike.some((other) => (other.spent & spent) === other.spent)) return false;
    const kept = alike.filter((other) => (other.spent & spent) !== spent);
    this.#size += 1 + kept.length - alike.length;
    kept.push(configuration);
    this.#byRest.set(rest, kept);
    return true;
  }

  *[Symbol.iterator](): IterableIterator<Configuration> {
    for (const alike of this.#byRest.values()) yield* alike;
  }
}
