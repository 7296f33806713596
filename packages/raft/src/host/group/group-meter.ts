/** What one group has done, told to the host's observer. */

import type { Clock } from "../../wal/ports.js";
import type { HostMeter } from "../observer.js";

export class GroupMeter {
  readonly #group: number;
  readonly #meter: HostMeter;
  readonly #clock: Clock;
  /** Proposals of one turn that have been applied and not been told of. */
  #applied = 0;
  #proposedMs = 0;

  constructor(group: number, meter: HostMeter, clock: Clock) {
    this.#group = group;
    this.#meter = meter;
    this.#clock = clock;
  }

  /** A proposal of the turn at `proposedMs` has been applied. */
  countApplied(proposedMs: number): void {
    if (proposedMs !== this.#proposedMs) this.tellApplied();
    this.#proposedMs = proposedMs;
    this.#applied += 1;
  }

  /** A batch of entries is over. */
  tellApplied(): void {
    if (this.#applied === 0) return;
    this.#meter.onApplied?.(this.#group, this.#applied, this.#since(this.#proposedMs));
    this.#applied = 0;
  }

  tellReads(reads: number, askedMs: number): void {
    this.#meter.onReads?.(this.#group, reads, this.#since(askedMs));
  }

  /** The state machine is about to take in commands. @returns what to call once it has */
  beginCommands(commands: number): () => void {
    if (this.#meter.onCommands === undefined) return nothing;
    const beginMs = this.#clock.monotonicMs();
    return () => this.#meter.onCommands?.(this.#group, commands, this.#since(beginMs));
  }

  #since(beginMs: number): number {
    return this.#clock.monotonicMs() - beginMs;
  }
}

function nothing(): void {
  // Nobody wants to know.
}
