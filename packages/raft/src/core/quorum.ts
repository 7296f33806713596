/**
 * Majorities, and majorities of two configurations at once (joint consensus, Raft thesis §4.3).
 *
 * Invariants: an empty set of voters agrees to everything, so that a configuration that is not
 * joint is the joint one with an empty second half. A joint decision is never ahead of either
 * half.
 */

import type { NodeId } from "./ids.js";

export type VoteResult = "won" | "lost" | "pending";

export type VoterSet = ReadonlySet<NodeId>;

/** Two sets of voters that must both agree. `outgoing` is empty unless joint. */
export interface JointVoters {
  readonly incoming: VoterSet;
  readonly outgoing: VoterSet;
}

/** The highest position a voter has acknowledged, undefined when it never has. */
export type AckedPosition = (voter: NodeId) => number | undefined;

/** Votes cast: true granted, false refused, undefined not heard from. */
export type CastVote = (voter: NodeId) => boolean | undefined;

/** Voters needed to decide among `count`. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/**
 * The highest position that a majority has acknowledged; Infinity for an empty set.
 * Sorts a small copy: groups have a handful of voters, and clever selection here has cost other
 * implementations acknowledged writes.
 */
export function majorityAcked(voters: VoterSet, acked: AckedPosition): number {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  const positions: number[] = [];
  for (const voter of voters) positions.push(acked(voter) ?? 0);
  positions.sort((a, b) => a - b);
  return positions[positions.length - majorityOf(positions.length)] ?? 0;
}

/** The highest position that both majorities have acknowledged. */
export function jointAcked(voters: JointVoters, acked: AckedPosition): number {
  const incoming = majorityAcked(voters.incoming, acked);
  if (voters.outgoing.size === 0) return incoming;
  return Math.min(incoming, majorityAcked(voters.outgoing, acked));
}

/** How a vote among `voters` stands. An empty set has won. */
export function majorityVote(voters: VoterSet, cast: CastVote): VoteResult {
  if (voters.size === 0) return "won";
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = cast(voter);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  const needed = majorityOf(voters.size);
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}

/** Won when both halves are won, lost as soon as one of them is. */
export function jointVote(voters: JointVoters, cast: CastVote): VoteResult {
  const incoming = majorityVote(voters.incoming, cast);
  if (voters.outgoing.size === 0) return incoming;
  const outgoing = majorityVote(voters.outgoing, cast);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}

export function isVoter(voters: JointVoters, id: NodeId): boolean {
  return voters.incoming.has(id) || voters.outgoing.has(id);
}

/** All voters of both halves in ascending order. */
export function voterIds(voters: JointVoters): NodeId[] {
  return [...new Set([...voters.incoming, ...voters.outgoing])].sort((a, b) => a - b);
}
