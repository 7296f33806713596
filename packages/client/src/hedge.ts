/**
 * Hedged reads: one that is not answered in time is asked of another node as well, and the first answer counts (J. Dean,
 * L. A. Barroso, "The Tail at Scale", 2013).
 */
import type { Clock } from "./ports.js";

export interface HedgeDeps<Answer> {
  readonly clock: Clock;
  /** Milliseconds until the second one is asked. */
  readonly afterMs: number;
  /** Asks another node; undefined when there is none, or no more than this may be asked. */
  second(): Promise<Answer> | undefined;
}

/**
 * Settles as `first` does, or with the answer of the second one when that comes before. A second one that fails decides
 * nothing, but is waited for when the first has failed meanwhile.
 */
export function hedge<Answer>(first: Promise<Answer>, deps: HedgeDeps<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let second: Promise<Answer> | undefined;
    const cancel = deps.clock.schedule(deps.afterMs, () => {
      second = deps.second();
      second?.then(resolve, () => {});
    });
    first.then(
      (answer) => {
        cancel();
        resolve(answer);
      },
      (error: Error) => {
        cancel();
        if (second === undefined) reject(error);
        else second.then(resolve, () => reject(error));
      },
    );
  });
}
