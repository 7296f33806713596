/**
 * When calls begin. Synchronous: a moment in, the calls that are to begin out. All times are
 * milliseconds since the load began. Who asks says when a call has settled; no call is queued here.
 *
 * An **open** loop has calls arrive on a schedule, whatever became of those before: a server that
 * stalls does not have the load wait for it, as real users do not. Latency counts from the
 * scheduled time, also when the call could only be sent later. Otherwise one stall of a second
 * would be one slow call, in place of all that would have been made meanwhile (G. Tene's
 * "coordinated omission"). A **closed** loop has so many callers, each of which calls again once it
 * is answered.
 */
export interface Arrivals {
  /**
   * Calls that are to begin by now, as the times from which their latency counts; ascending. They
   * are in flight from then on.
   * @param nowMs never less than the time before
   */
  due(nowMs: number): readonly number[];
  /** A call has settled. */
  settled(): void;
  readonly inFlight: number;
  /** When to ask again; `undefined`: not before a call settles, or never. */
  readonly nextMs: number | undefined;
  /** Calls that were due and not begun, as too many were in flight. */
  readonly notSent: number;
}

export interface OpenLoopOptions {
  readonly ratePerSecond: number;
  /** No call arrives at this time or later. */
  readonly durationMs: number;
  /** Calls in flight at once; what arrives beyond is not sent. */
  readonly maxInFlight: number;
}

export class OpenLoop implements Arrivals {
  private readonly options: OpenLoopOptions;
  /**
   * Calls that have arrived. From their number, not from the one before, follows the next time:
   * nothing adds up.
   */
  private arrived = 0;
  // Invariant: 0 <= inFlight <= maxInFlight.
  inFlight = 0;
  notSent = 0;

  constructor(options: OpenLoopOptions) {
    this.options = options;
  }

  due(nowMs: number): readonly number[] {
    const { maxInFlight, durationMs, ratePerSecond } = this.options;
    const times: number[] = [];
    for (let at = this.nextMs; at !== undefined && at <= nowMs; at = this.nextMs) {
      if (this.inFlight === maxInFlight) {
        // All others that are due: counted at once, however long it was that nobody asked.
        const end = Math.min(nowMs, durationMs);
        const dueCount = Math.floor((end * ratePerSecond) / 1_000) + 1;
        const lastCount = Math.ceil((durationMs * ratePerSecond) / 1_000);
        const after = Math.max(this.arrived + 1, Math.min(dueCount, lastCount));
        this.notSent += after - this.arrived;
        this.arrived = after;
      } else {
        this.arrived += 1;
        this.inFlight += 1;
        times.push(at);
      }
    }
    return times;
  }

  settled(): void {
    this.inFlight -= 1;
  }

  get nextMs(): number | undefined {
    const at = (this.arrived * 1_000) / this.options.ratePerSecond;
    return at < this.options.durationMs ? at : undefined;
  }
}

export class ClosedLoop implements Arrivals {
  private readonly callers: number;
  private readonly durationMs: number;
  private isOver = false;
  // Invariant: 0 <= inFlight <= callers.
  inFlight = 0;
  readonly notSent = 0;

  constructor({ callers, durationMs }: { readonly callers: number; readonly durationMs: number }) {
    this.callers = callers;
    this.durationMs = durationMs;
  }

  due(nowMs: number): readonly number[] {
    this.isOver ||= nowMs >= this.durationMs;
    if (this.isOver) return [];
    const free = this.callers - this.inFlight;
    this.inFlight = this.callers;
    return Array.from({ length: free }, () => nowMs);
  }

  settled(): void {
    this.inFlight -= 1;
  }

  /** At once, when a caller is free. */
  get nextMs(): number | undefined {
    return this.isOver || this.inFlight === this.callers ? undefined : 0;
  }
}
