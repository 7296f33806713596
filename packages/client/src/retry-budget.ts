/** Keeps retries a fraction of the traffic, so that they cannot bury a sick server. */

/** What each call that succeeds puts back: one retry for every ten successes in the long run. */
const REFILL_PER_SUCCESS = 0.1;

/** A bucket of tokens. Invariant: `0 <= tokens <= capacity`. */
export class RetryBudget {
  private tokens: number;

  /** @param capacity retries that may be taken in one burst; 0: none ever */
  constructor(private readonly capacity: number) {
    this.tokens = capacity;
  }

  /** Takes the right to one retry; `false` when there is none left. */
  take(): boolean {
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** A call succeeded. */
  refill(): void {
    this.tokens = Math.min(this.capacity, this.tokens + REFILL_PER_SUCCESS);
  }
}
