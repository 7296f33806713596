/** Bounds how many calls are on the wire and how many wait for that, first come first served. */

/** A place in line. */
interface Waiter {
  grant(): void;
}

/** Invariants: `running <= maxRunning`, `line.size <= maxWaiting`, nobody waits while a slot is free. */
export class CallLimiter {
  private running = 0;
  // A Set keeps the order of insertion and removes from anywhere in constant time.
  private readonly line = new Set<Waiter>();

  constructor(
    private readonly maxRunning: number,
    private readonly maxWaiting: number,
  ) {}

  /** Takes a slot at once when one is free; give it back with {@link CallLimiter.release}. */
  tryAcquire(): boolean {
    if (this.running >= this.maxRunning) return false;
    this.running += 1;
    return true;
  }

  /** Whether the line takes one more. */
  hasRoom(): boolean {
    return this.line.size < this.maxWaiting;
  }

  /**
   * Stands in line; resolves with a slot. Rejects with the signal's reason when that fires first.
   * Only after {@link CallLimiter.tryAcquire} gave `false` and {@link CallLimiter.hasRoom} `true`.
   */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.line.delete(waiter);
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        grant: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal.addEventListener("abort", leave, { once: true });
      this.line.add(waiter);
    });
  }

  /** Gives a slot back: to the first in line, if any. */
  release(): void {
    const first = this.line.values().next();
    if (first.done === true) {
      this.running -= 1;
      return;
    }
    this.line.delete(first.value);
    first.value.grant();
  }

  /** Calls that hold a slot, and calls in line. */
  load(): { readonly running: number; readonly waiting: number } {
    return { running: this.running, waiting: this.line.size };
  }
}
