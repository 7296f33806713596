/** Times writes and syncs, and says so while one does not come back. */

import type { WalObserver, WriteStall } from "./options.js";
import type { Clock } from "./ports.js";

export class StallWatch {
  readonly #clock: Clock;
  readonly #stallMs: number;
  readonly #observer: WalObserver;
  #since: number | undefined;

  constructor(clock: Clock, stallMs: number, observer: WalObserver) {
    this.#clock = clock;
    this.#stallMs = stallMs;
    this.#observer = observer;
  }

  /** How long the write or sync under way has taken so far; 0 when there is none. */
  get pendingMs(): number {
    return this.#since === undefined ? 0 : this.#clock.monotonicMs() - this.#since;
  }

  /** @returns milliseconds that it took */
  async time(operation: WriteStall["operation"], run: () => Promise<void>): Promise<number> {
    const start = this.#clock.monotonicMs();
    this.#since = start;
    let cancel = (): void => undefined;
    const watch = (): void => {
      cancel = this.#clock.schedule(this.#stallMs, () => {
        this.#observer.onStall?.({ operation, elapsedMs: this.#clock.monotonicMs() - start });
        watch();
      });
    };
    // A timer per write would cost more than it tells when nobody listens.
    if (this.#observer.onStall !== undefined) watch();
    try {
      await run();
    } finally {
      cancel();
      this.#since = undefined;
    }
    return this.#clock.monotonicMs() - start;
  }

  /** As {@link StallWatch.time}, blocking: a stall can only be told afterwards. */
  timeSync(operation: WriteStall["operation"], run: () => void): number {
    const start = this.#clock.monotonicMs();
    run();
    const elapsedMs = this.#clock.monotonicMs() - start;
    if (elapsedMs >= this.#stallMs) this.#observer.onStall?.({ operation, elapsedMs });
    return elapsedMs;
  }
}
