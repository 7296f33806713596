/** Looks now and then how much space is left where the log is. */

import type { Clock } from "../wal/ports.js";

/** Between two looks. */
const PERIOD_MS = 1000;

export interface SpaceWatchOptions {
  readonly clock: Clock;
  readonly freeBytes: () => Promise<number>;
  readonly minFreeBytes: number;
  /** Space has become low, or is so no more. */
  readonly onChange: (isLow: boolean) => void;
}

export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  #isLow = false;
  #cancel: (() => void) | undefined;
  #isRunning = false;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  get isLow(): boolean {
    return this.#isLow;
  }

  start(): void {
    this.#isRunning = true;
    void this.#look();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    const { clock, freeBytes, minFreeBytes, onChange } = this.#options;
    let free = Number.NaN;
    try {
      free = await freeBytes();
    } catch {
      // Nothing is known then, and what was known before stands.
    }
    if (!this.#isRunning) return;
    if (!Number.isNaN(free) && free < minFreeBytes !== this.#isLow) {
      this.#isLow = !this.#isLow;
      onChange(this.#isLow);
    }
    this.#cancel = clock.schedule(PERIOD_MS, () => {
      void this.#look();
    });
  }
}
