/**
 * Who should be in the meta group, and the next step towards it: the first few active nodes as voters, all other
 * nodes as learners, so that each node has the map at hand. Members that vote already stay voters where they may.
 */
import type { ConfigState, MemberChange } from "@titan/raft";
import { toNodeId } from "@titan/raft";
import type { ClusterMap } from "./cluster-map.js";

const MAX_META_VOTERS = 5;

/** An odd number, so that none of them is without use. */
export function metaVoterCount(nodes: number): number {
  return Math.min(MAX_META_VOTERS, nodes % 2 === 0 ? Math.max(1, nodes - 1) : nodes);
}

/** The members that the meta group of a new cluster begins with. */
export function metaFounders(map: ClusterMap): {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
} {
  const numbers = map.nodes.map(({ number }) => number);
  const count = metaVoterCount(numbers.length);
  return { voters: numbers.slice(0, count), learners: numbers.slice(count) };
}

/** What the meta leader knows of its group. */
export interface MetaMembers {
  readonly config: ConfigState;
  /** Members that have all but the last of the log, and answer. */
  readonly caughtUp: ReadonlySet<number>;
}

/**
 * The next change of members; undefined when all is as it should be, or the time has not come.
 * Learners come first, then votes change hands, then those that have left go.
 */
export function nextMetaChange(
  map: ClusterMap,
  { config, caughtUp }: MetaMembers,
): readonly MemberChange[] | undefined {
  if (config.votersOutgoing.length > 0) return undefined;
  const voters = new Set<number>(config.voters);
  const learners = new Set<number>(config.learners);
  const present = map.nodes.filter(({ state }) => state !== "left").map(({ number }) => number);
  const missing = present.find((number) => !voters.has(number) && !learners.has(number));
  if (missing !== undefined) return [{ operation: "add-learner", node: toNodeId(missing) }];

  const active = map.nodes.filter(({ state }) => state === "active").map(({ number }) => number);
  const ready = active.filter((number) => voters.has(number) || caughtUp.has(number));
  const wanted = new Set(
    [...ready.filter((number) => voters.has(number)), ...ready.filter((one) => !voters.has(one))]
      // The count that the nodes call for, or, while some are not ready, an odd one of those that are.
      .slice(0, Math.min(metaVoterCount(active.length), metaVoterCount(ready.length))),
  );
  const votes = voteChanges(voters, wanted, present);
  if (votes.length > 0) return votes;

  const gone = [...learners].find((number) => !present.includes(number));
  return gone === undefined ? undefined : [{ operation: "remove", node: toNodeId(gone) }];
}

function voteChanges(
  voters: ReadonlySet<number>,
  wanted: ReadonlySet<number>,
  present: readonly number[],
): readonly MemberChange[] {
  const raised = [...wanted].filter((number) => !voters.has(number));
  const lowered = [...voters].filter((number) => !wanted.has(number));
  return [
    ...raised.map((number) => ({ operation: "add-voter" as const, node: toNodeId(number) })),
    ...lowered.map((number) => ({
      operation: present.includes(number) ? ("add-learner" as const) : ("remove" as const),
      node: toNodeId(number),
    })),
  ];
}
