/**
 * A process that can die, stand still and start again, as the event loop of one incarnation: what was
 * under way when it died never happens, and what falls due while it stands still waits until it goes on.
 */

import type { QueuedEvent } from "../testing/event-queue.js";
import type { Clock } from "../wal/ports.js";
import type { SimLoop } from "./sim-loop.js";

const US_PER_MS = 1000;
/** An arbitrary day, so that wall time looks like one. */
const START_WALL_MS = Date.UTC(2026, 0, 1);

export class SimProcess {
  readonly clock: Clock;
  /** What the wall clock shows beyond the time that has passed. */
  wallOffsetMs = START_WALL_MS;
  readonly #loop: SimLoop;
  readonly #onRun: () => void;
  #epoch = 0;
  #isPaused = false;
  #heldBack: (() => void)[] = [];
  /** For how long the monotonic clock has stood still, and since when it does. */
  #stoppedUs = 0;
  #suspendedAtUs: number | undefined;

  /**
   * @param clockRate how fast its clocks run, 1 for the true rate
   * @param onRun told before anything of this process runs
   */
  constructor(loop: SimLoop, clockRate: number, onRun: () => void) {
    this.#loop = loop;
    this.#onRun = onRun;
    const usPerMs = US_PER_MS / clockRate;
    this.clock = {
      monotonicMs: () => ((this.#suspendedAtUs ?? loop.nowUs) - this.#stoppedUs) / usPerMs,
      wallMs: () => loop.nowUs / usPerMs + this.wallOffsetMs,
      schedule: (delayMs, callback) => {
        const event = this.after(Math.ceil(Math.max(0, delayMs) * usPerMs), callback);
        return () => {
          event.isCancelled = true;
        };
      },
    };
  }

  /** Tells incarnations apart. */
  get epoch(): number {
    return this.#epoch;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Runs `run` in this incarnation, `delayUs` from now at the earliest. */
  after(delayUs: number, run: () => void): QueuedEvent {
    const epoch = this.#epoch;
    const guarded = (): void => {
      if (epoch !== this.#epoch || event.isCancelled) return;
      if (this.#isPaused) {
        this.#heldBack.push(guarded);
        return;
      }
      this.#onRun();
      run();
    };
    const event = this.#loop.after(delayUs, guarded);
    return event;
  }

  /** Ends this incarnation. */
  end(): void {
    this.#epoch += 1;
    this.#isPaused = false;
    this.#heldBack = [];
    this.#wakeClock();
  }

  /** @param isSuspended the machine stands still, and its monotonic clock with it */
  pause(isSuspended = false): void {
    this.#isPaused = true;
    if (isSuspended) this.#suspendedAtUs ??= this.#loop.nowUs;
  }

  /** Goes on; what waited comes at once, in its order. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#wakeClock();
    const waiting = this.#heldBack;
    this.#heldBack = [];
    for (const run of waiting) this.#loop.after(0, run);
  }

  #wakeClock(): void {
    if (this.#suspendedAtUs !== undefined)
      this.#stoppedUs += this.#loop.nowUs - this.#suspendedAtUs;
    this.#suspendedAtUs = undefined;
  }
}
