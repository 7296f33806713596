/**
 * The cluster's time on this node: its wall clock, corrected by how far the middle one of all nodes' clocks is
 * from it. So a node whose clock is off is outvoted, and its keys do not expire early or late. Only times to
 * live rest on it, and never what is consistent.
 */
import type { Clock } from "@titan/bitcask";
import type { Logger } from "../logger.js";

/** Below this a correction would only add the noise of the network. */
const IGNORED_MS = 20;
const REPORTED_MS = 2_000;
/** A sample that took longer says too little. */
const MAX_ROUND_TRIP_MS = 1_000;
/** What a peer said so long ago does not count any more. */
const SAMPLE_LIFE_MS = 120_000;

interface Sample {
  readonly offsetMs: number;
  readonly atMs: number;
}

export class ClusterClock {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #samples = new Map<number, Sample>();
  #correctionMs = 0;
  #isReported = false;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Milliseconds since the Unix epoch; may jump, as clocks do. */
  nowMs(): number {
    return Math.floor(this.#clock.wallMs() + this.#correctionMs);
  }

  /** How far the cluster's time is ahead of this node's wall clock. */
  get correctionMs(): number {
    return this.#correctionMs;
  }

  /** How far a peer's wall clock is ahead of this one; undefined when it is not known. */
  offsetOf(peer: number): number | undefined {
    return this.#samples.get(peer)?.offsetMs;
  }

  /**
   * Takes in what a peer's wall clock showed.
   * @param asked monotonic and wall time here when it was asked
   */
  observe(
    peer: number,
    peerWallMs: number,
    asked: { readonly monotonicMs: number; readonly wallMs: number },
  ): void {
    const nowMs = this.#clock.monotonicMs();
    const roundTripMs = nowMs - asked.monotonicMs;
    if (roundTripMs > MAX_ROUND_TRIP_MS || !Number.isFinite(peerWallMs)) return;
    const offsetMs = peerWallMs - (asked.wallMs + roundTripMs / 2);
    this.#samples.set(peer, { offsetMs, atMs: nowMs });
    this.#correct(nowMs);
  }

  /** Forgets nodes that are not among these. */
  keepOnly(peers: ReadonlySet<number>): void {
    for (const peer of this.#samples.keys()) if (!peers.has(peer)) this.#samples.delete(peer);
    this.#correct(this.#clock.monotonicMs());
  }

  #correct(nowMs: number): void {
    const fresh = [...this.#samples.values()].filter(({ atMs }) => nowMs - atMs < SAMPLE_LIFE_MS);
    const middle = medianOffset([0, ...fresh.map(({ offsetMs }) => offsetMs)]);
    this.#correctionMs = Math.abs(middle) < IGNORED_MS ? 0 : middle;
    const isOff = Math.abs(middle) >= REPORTED_MS;
    if (isOff === this.#isReported) return;
    this.#isReported = isOff;
    const fields = { aheadMs: Math.round(-middle) };
    if (isOff) {
      this.#logger.error(
        fields,
        "this machine's clock is off from those of the other nodes: the cluster's time is used; set the clock",
      );
    } else this.#logger.info(fields, "this machine's clock agrees with the other nodes' again");
  }
}

/** The middle one; of an even number, that of the two in the middle which is nearer to 0, our own. */
export function medianOffset(offsets: readonly number[]): number {
  const sorted = offsets.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  if (sorted.length % 2 === 1) return upper;
  const lower = sorted[sorted.length / 2 - 1] ?? 0;
  return Math.abs(lower) <= Math.abs(upper) ? lower : upper;
}
