/**
 * What a shard's leader does unasked: proposes to expire keys and sessions when they are due by the cluster's clock, and
 * to remove the keys of dropped keyspaces, one bounded command at a time.
 *
 * Whoever does not lead only looks at the time. Never two commands at once; what fails is tried again a little later.
 */
import type { Clock } from "@titan/bitcask";
import { encodeCommand } from "./command-codec.js";
import { decodeResult } from "./result-codec.js";
import type { ShardUpkeep } from "./shard-command.js";

export interface UpkeepDeps {
  readonly clock: Pick<Clock, "schedule">;
  readonly now: () => number;
  readonly isLeader: () => boolean;
  /** Nothing is due before this time of the shard's clock. */
  readonly earliestDueMs: () => number;
  /** Keyspaces that are dropped and still have keys here. */
  readonly keyspacesToClear: () => readonly number[];
  readonly propose: (command: Uint8Array) => Promise<Uint8Array>;
}

/**
 * The longest time between two looks. A new leader begins that late, which holds up the events of expired keys; they
 * are hidden from reads at once. Hundreds of replicas that look more often keep an idle node from sleeping.
 */
const LOOK_MS = 5_000;
/** At least, after a command that failed. */
const RETRY_MS = 1_000;
/** The shortest: what is due within it is done in one command. */
const LEAST_MS = 20;

export class ShardUpkeeper {
  readonly #deps: UpkeepDeps;
  #cancel: () => void = () => undefined;
  #isBusy = false;
  #isStopped = false;
  /** When the next look is, by the cluster's clock. */
  #nextMs = Number.POSITIVE_INFINITY;

  constructor(deps: UpkeepDeps) {
    this.#deps = deps;
    this.#arm();
  }

  /** Commands were applied: something may be due earlier than it was. */
  poke(): void {
    if (!this.#isBusy && this.#deps.earliestDueMs() < this.#nextMs - LEAST_MS) this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** @param leastMs until the next look, whatever is due */
  #arm(leastMs = LEAST_MS): void {
    this.#cancel();
    if (this.#isStopped) return;
    const nowMs = this.#deps.now();
    const leftMs = this.#deps.isLeader() ? this.#deps.earliestDueMs() - nowMs : LOOK_MS;
    const delayMs = Math.min(LOOK_MS, Math.max(leastMs, leftMs));
    this.#nextMs = nowMs + delayMs;
    this.#cancel = this.#deps.clock.schedule(delayMs, () => {
      void this.#look();
    });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    if (this.#isBusy || this.#isStopped) return;
    this.#isBusy = true;
    let leastMs = LEAST_MS;
    try {
      while (!this.#isStopped && this.#deps.isLeader() && (await this.#step()));
    } catch {
      // No leader any more, overloaded, out of time: the next look tries again, or the next leader.
      leastMs = RETRY_MS;
    }
    this.#isBusy = false;
    this.#arm(leastMs);
  }

  /** @returns whether there may be more to do now */
  async #step(): Promise<boolean> {
    if (this.#deps.earliestDueMs() <= this.#deps.now()) return this.#propose({ type: "expire" });
    const [keyspace] = this.#deps.keyspacesToClear();
    return keyspace === undefined ? false : this.#propose({ type: "drop-keyspace", keyspace });
  }

  async #propose(body: ShardUpkeep): Promise<boolean> {
    const command = encodeCommand({ body, atMs: 0, writeId: undefined });
    const result = decodeResult(await this.#deps.propose(command));
    return result.type === "drop-keyspace" || (result.type === "expire" && result.isMore);
  }
}
