/**
 * How fast a merge may go. It works in slices and lets the event loop turn after each. While the store
 * has little to reclaim, slices are small and bytes are rationed, more so while others use the store;
 * as garbage piles up, the ration ends and slices grow, so that what is merged keeps up with what is
 * written: the disk is not to be filled for the sake of latency.
 */
import type { Clock } from "./ports.js";
import type { ScanPauses } from "./record-scanner.js";

/** 16 KiB are about a hundred small records, a tenth of a millisecond. */
const LEAST_SLICE_BYTES = 16 * 1024;
const MOST_SLICE_BYTES = 1024 * 1024;
/** Bytes that may be read at once after a rest. */
const BURST_BYTES = 1024 * 1024;
/** Part of the ration that is left while others use the store. */
const BUSY_SHARE = 0.25;

export interface MergeLoad {
  /**
   * Bytes to reclaim as a share of what may lie about: below 1 there is time, from 2 on there is none.
   */
  pressure(): number;
  /** Grows with every write that the store answers. */
  foregroundWrites(): number;
  /** Writes that wait at this moment. */
  waitingWrites(): number;
}

export class MergePace implements ScanPauses {
  private readonly clock: Clock;
  private readonly bytesPerSecond: number;
  private readonly load: MergeLoad;
  private tokens = BURST_BYTES;
  private refilledAtMs: number;
  private lastWrites = 0;
  private wake: (() => void) | undefined;
  private isHurrying = false;
  private isRationed = true;

  constructor(clock: Clock, bytesPerSecond: number, load: MergeLoad) {
    this.clock = clock;
    this.bytesPerSecond = bytesPerSecond;
    this.load = load;
    this.refilledAtMs = clock.monotonicMs();
  }

  /** Bytes to work off before the next {@link MergePace.pause}. */
  get sliceBytes(): number {
    const pressure = this.isHurrying ? 2 : this.load.pressure();
    const bytes = LEAST_SLICE_BYTES * 8 ** Math.max(0, pressure);
    return Math.floor(Math.min(bytes, MOST_SLICE_BYTES));
  }

  /** Lets others go first after `bytes` have been worked off. */
  async pause(bytes: number): Promise<void> {
    await turnOfEventLoop();
    const isBusy = this.isBusy();
    if (this.isHurrying || !this.isRationed || this.load.pressure() >= 1) return;
    const rate = this.bytesPerSecond * (isBusy ? BUSY_SHARE : 1);
    const now = this.clock.monotonicMs();
    const earned = ((now - this.refilledAtMs) / 1000) * rate;
    this.refilledAtMs = now;
    this.tokens = Math.min(this.tokens + earned, BURST_BYTES) - bytes;
    if (this.tokens < 0) await this.sleep(Math.ceil((-this.tokens / rate) * 1000));
  }

  /** Rations bytes from now on: the merge runs in the background. */
  ration(): void {
    this.isRationed = true;
  }

  /** Ends a rest under way. Somebody waits: the merge only lets the event loop turn. */
  unration(): void {
    this.isRationed = false;
    this.wake?.();
  }

  /** Ends a rest under way and allows no other: the store is being closed. */
  hurry(): void {
    this.isHurrying = true;
    this.wake?.();
  }

  private isBusy(): boolean {
    const writes = this.load.foregroundWrites();
    const isBusy = writes > this.lastWrites || this.load.waitingWrites() > 0;
    this.lastWrites = writes;
    return isBusy;
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.schedule(ms, () => this.wake?.());
      this.wake = () => {
        cancel();
        this.wake = undefined;
        resolve();
      };
    });
  }
}

/** Lets timers and I/O run. */
function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
