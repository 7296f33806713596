/**
 * Whether the next group may block the event loop. A blocking write and fdatasync save the 40–60 µs of
 * the thread pool, which is a third of a durable write; but they hold up everything else.
 */
import type { Clock } from "./ports.js";

/** Larger groups lose little by waiting for the thread pool. */
const MAX_BLOCKING_WRITES = 512;
const MAX_BLOCKING_BYTES = 128 * 1024;
/** Blocked time, or groups, in a row before the event loop gets a turn. */
const MAX_BLOCKED_MS = 5;
const MAX_BLOCKED_GROUPS = 256;
/** A disk slower than this does not block the loop; it is tried again after some groups. */
const SLOW_GROUP_MS = 3;
const GROUPS_AFTER_SLOW = 64;

export class WritePace {
  private readonly clock: Clock;
  private blockedMs = 0;
  private blockedGroups = 0;
  private groupsToWait = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  mayBlock(writes: number, bytes: number): boolean {
    if (this.groupsToWait > 0) {
      this.groupsToWait -= 1;
      return false;
    }
    return (
      writes <= MAX_BLOCKING_WRITES &&
      bytes <= MAX_BLOCKING_BYTES &&
      this.blockedMs < MAX_BLOCKED_MS &&
      this.blockedGroups < MAX_BLOCKED_GROUPS
    );
  }

  /** The start of a blocking group, for {@link WritePace.ended}. */
  started(): number {
    return this.clock.monotonicMs();
  }

  ended(startedAt: number): void {
    const ms = this.clock.monotonicMs() - startedAt;
    this.blockedMs += ms;
    this.blockedGroups += 1;
    if (ms > SLOW_GROUP_MS) this.groupsToWait = GROUPS_AFTER_SLOW;
  }

  /** The event loop had a turn. */
  yielded(): void {
    this.blockedMs = 0;
    this.blockedGroups = 0;
  }
}
