/**
 * The store's notion of now, for expiry only. It never goes back: not while the store is open, and not
 * below any expiry that a reader has been told about.
 *
 * A key that was seen as expired must stay so when the wall clock jumps back, even across a crash.
 * So the latest expiry time that was judged as passed is written to the log (a control record) ahead
 * of the next write, or on its own after {@link FLOOR_DELAY_MS}; whatever is durable after a
 * crash, the expiries seen before it are too.
 */
import type { Clock } from "./ports.js";

/** How long a judged expiry may wait for a write to travel with. */
export const FLOOR_DELAY_MS = 1000;

export class StoreTime {
  private readonly clock: Clock;
  private latest: number;
  /** Latest expiry judged as passed. Invariant: recordedFloor <= judgedFloor <= now(). */
  private judgedFloor: number;
  private recordedFloor: number;
  /** Called when a floor wants to be recorded and was not wanted before. */
  onFloorWanted: (() => void) | undefined;

  constructor(clock: Clock, floor: number) {
    this.clock = clock;
    this.latest = floor;
    this.judgedFloor = floor;
    this.recordedFloor = floor;
  }

  /** Milliseconds since the Unix epoch; never less than before. */
  now(): number {
    const wall = Math.floor(this.clock.wallMs());
    if (wall > this.latest) this.latest = wall;
    return this.latest;
  }

  /** Whether a key with this expiry counts as absent; remembers a yes for ever. 0 is never. */
  hasExpired(expiresAt: number): boolean {
    if (expiresAt === 0 || expiresAt > this.now()) return false;
    if (expiresAt > this.judgedFloor) {
      const wasWanted = this.wantsFloor;
      this.judgedFloor = expiresAt;
      if (!wasWanted) this.onFloorWanted?.();
    }
    return true;
  }

  /** The time below which expiry decisions may not fall after a crash. */
  get floor(): number {
    return this.judgedFloor;
  }

  get wantsFloor(): boolean {
    return this.judgedFloor > this.recordedFloor;
  }

  /** The floor has been handed to the log. */
  markRecorded(floor: number): void {
    if (floor > this.recordedFloor) this.recordedFloor = floor;
  }

  /** The log refused the floor that was handed to it: it is wanted again. */
  markRefused(): void {
    this.recordedFloor = 0;
  }

  /** Takes over a floor found on disk. */
  raise(floor: number): void {
    this.latest = Math.max(this.latest, floor);
    this.judgedFloor = Math.max(this.judgedFloor, floor);
    this.recordedFloor = Math.max(this.recordedFloor, floor);
  }
}
