/** Bounds of calls between nodes. */

/** Time for deadlines and pauses. */
export interface PeerClock {
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Calls back once, after `delayMs` or more; the result cancels that. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Uniform integers in [0, bound), 1 <= bound <= 2^32. */
export interface PeerRandom {
  nextInt(bound: number): number;
}

/** Each bound is for one peer. */
export interface PeerLimits {
  /** Calls to the peer that have no answer. @default 65_536 */
  readonly calls: number;
  /** Bytes of calls and answers that wait to be sent. @default 67_108_864 (64 MiB) */
  readonly queuedBytes: number;
  /** The peer's calls that are being worked on, or whose answers wait to be sent. @default 16_384 */
  readonly incomingCalls: number;
  /** Bytes of those calls and answers. @default 67_108_864 (64 MiB) */
  readonly incomingBytes: number;
  /** Of one call or answer. @default 67_108_864 (64 MiB) */
  readonly recordBytes: number;
  /** First pause after a stream could not be opened; it doubles from time to time. @default 20 */
  readonly backoffMs: number;
  /** Longest pause. @default 1_000 */
  readonly maxBackoffMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_PEER_LIMITS: PeerLimits = {
  calls: 65_536,
  queuedBytes: 64 * MIB,
  incomingCalls: 16_384,
  incomingBytes: 64 * MIB,
  recordBytes: 64 * MIB,
  backoffMs: 20,
  maxBackoffMs: 1_000,
};

/** What has been counted since the start, over all peers, for metrics. */
export interface PeerStats {
  callsSent: number;
  callsServed: number;
  /** Calls of peers that were refused because too much of theirs was under way. */
  callsRefused: number;
  streamsOpened: number;
  /** Streams that ended because of bytes that no correct node sends. */
  malformedStreams: number;
  /** Answers that nobody waited for any more. */
  strayAnswers: number;
}

export function newPeerStats(): PeerStats {
  return {
    ...{ callsSent: 0, callsServed: 0, callsRefused: 0 },
    ...{ streamsOpened: 0, malformedStreams: 0, strayAnswers: 0 },
  };
}
