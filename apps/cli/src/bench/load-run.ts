/**
 * Has calls begin as their arrivals say, for a time, and waits for their answers, for a time. It
 * ends within `durationMs + drainMs` also when no call ever settles, and at once when its signal
 * fires.
 */
import type { Clock } from "../ports.js";
import type { Arrivals } from "./arrivals.js";

export interface LoadPort<Answer> {
  readonly clock: Clock;
  readonly arrivals: Arrivals;
  /** Never rejects. */
  readonly call: () => Promise<Answer>;
  /**
   * Takes what came of a call, with the time since it was due. Not called any more once the run has
   * ended.
   */
  readonly onAnswer: (answer: Answer, latencyMs: number) => void;
  readonly signal: AbortSignal;
}

export interface LoadBounds {
  /** Milliseconds in which calls begin. */
  readonly durationMs: number;
  /** Milliseconds that are waited for the last answers. */
  readonly drainMs: number;
}

export interface LoadEnd {
  /** From the first call to the last answer, or to when nobody waited any more. */
  readonly elapsedMs: number;
  /** Calls that had no answer by then. */
  readonly unanswered: number;
  readonly isInterrupted: boolean;
}

/** Rejects never. */
export function runLoad<Answer>(port: LoadPort<Answer>, bounds: LoadBounds): Promise<LoadEnd> {
  return new Promise((resolve) => new LoadRun(port, bounds, resolve).start());
}

class LoadRun<Answer> {
  private readonly startMs: number;
  private isDraining = false;
  private isEnded = false;
  private cancelNext: (() => void) | undefined;
  private cancelBound: (() => void) | undefined;

  constructor(
    private readonly port: LoadPort<Answer>,
    private readonly bounds: LoadBounds,
    private readonly onEnd: (end: LoadEnd) => void,
  ) {
    this.startMs = port.clock.monotonicMs();
  }

  start(): void {
    const { clock, signal } = this.port;
    if (signal.aborted) return this.end();
    signal.addEventListener("abort", this.end);
    this.cancelBound = clock.schedule(this.bounds.durationMs, () => this.drain());
    this.begin();
  }

  private get elapsedMs(): number {
    return this.port.clock.monotonicMs() - this.startMs;
  }

  /** Begins what is due, and comes back when more is. */
  private begin(): void {
    this.cancelNext = undefined;
    for (const dueMs of this.port.arrivals.due(this.elapsedMs)) void this.call(dueMs);
    this.planNext();
  }

  private planNext(): void {
    const { arrivals, clock } = this.port;
    const { nextMs } = arrivals;
    if (this.isDraining || this.cancelNext !== undefined || nextMs === undefined) return;
    // Always by way of the clock: calls that settle at once must not keep the event loop from all else.
    const delayMs = Math.max(0, nextMs - this.elapsedMs);
    this.cancelNext = clock.schedule(delayMs, () => this.begin());
  }

  private async call(dueMs: number): Promise<void> {
    const answer = await this.port.call();
    if (this.isEnded) return;
    this.port.arrivals.settled();
    this.port.onAnswer(answer, this.elapsedMs - dueMs);
    if (this.isDraining && this.port.arrivals.inFlight === 0) this.end();
    else this.planNext();
  }

  private drain(): void {
    this.cancelNext?.();
    // What was due before the end and not seen to yet.
    this.begin();
    this.isDraining = true;
    this.cancelNext?.();
    if (this.port.arrivals.inFlight === 0) this.end();
    else this.cancelBound = this.port.clock.schedule(this.bounds.drainMs, this.end);
  }

  private readonly end = (): void => {
    if (this.isEnded) return;
    this.isEnded = true;
    this.cancelNext?.();
    this.cancelBound?.();
    const { signal, arrivals } = this.port;
    signal.removeEventListener("abort", this.end);
    const { elapsedMs } = this;
    this.onEnd({ elapsedMs, unanswered: arrivals.inFlight, isInterrupted: signal.aborted });
  };
}
