/**
 * Group commit on the user's side, for stores that sync once per call: what is put while a batch is
 * under way, or in the same turn, goes into the next batch together.
 */
import type { Put } from "./engine.js";

interface Waiting extends Put {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class TurnBatcher {
  private readonly commit: (puts: readonly Put[]) => Promise<unknown> | undefined;
  private waiting: Waiting[] = [];
  private isBusy = false;

  /** @param commit writes one batch durably; blocking ones return `undefined` */
  constructor(commit: (puts: readonly Put[]) => Promise<unknown> | undefined) {
    this.commit = commit;
  }

  put(key: string, value: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ key, value, resolve, reject });
      if (this.isBusy) return;
      this.isBusy = true;
      // After the promise jobs of this turn: all that is put in it shares the batch.
      setImmediate(() => void this.drain());
    });
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        const pending = this.commit(batch);
        if (pending !== undefined) await pending;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      // Let the callers put again before the next batch is cut.
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.isBusy = false;
  }
}
