/** What the write queue does later: the timed sync, and a time floor that no write carried. */
import type { Clock } from "./ports.js";
import { FLOOR_DELAY_MS } from "./store-time.js";

export class WriteTimers {
  private readonly clock: Clock;
  private readonly syncIntervalMs: number;
  private cancelSync: (() => void) | undefined;
  /** When the timed sync falls due, while {@link WriteTimers.cancelSync} is set. */
  private syncDueMs = 0;
  private cancelFloorTimer: (() => void) | undefined;

  constructor(clock: Clock, syncIntervalMs: number) {
    this.clock = clock;
    this.syncIntervalMs = syncIntervalMs;
  }

  /**
   * Calls `sync` once within the interval, however often this is called before; at once when the timer
   * is late, as it is while the event loop gets no turn.
   */
  syncSoon(sync: () => void): void {
    const now = this.clock.monotonicMs();
    if (this.cancelSync !== undefined) {
      if (now < this.syncDueMs) return;
      this.cancelSync();
      this.cancelSync = undefined;
      sync();
      return;
    }
    this.syncDueMs = now + this.syncIntervalMs;
    this.cancelSync = this.clock.schedule(this.syncIntervalMs, () => {
      this.cancelSync = undefined;
      sync();
    });
  }

  floorSoon(writeFloor: () => void): void {
    this.cancelFloorTimer ??= this.clock.schedule(FLOOR_DELAY_MS, () => {
      this.cancelFloorTimer = undefined;
      writeFloor();
    });
  }

  cancelFloor(): void {
    this.cancelFloorTimer?.();
    this.cancelFloorTimer = undefined;
  }

  stop(): void {
    this.cancelSync?.();
    this.cancelSync = undefined;
    this.cancelFloor();
  }
}
