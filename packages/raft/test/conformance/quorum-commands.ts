/**
 * The commands of quorum scripts, `committed` and `vote`. Beside the result each prints what is
 * inconsistent: a result that changes with the order of the halves, with an empty or equal second
 * half, when computed the slow way, or when an index that is too low already is lowered.
 */

import type { NodeId } from "../../src/core/ids.js";
import {
  jointAcked,
  jointVote,
  majorityAcked,
  majorityOf,
  majorityVote,
  voterIds,
} from "../../src/core/quorum.js";
import type { Directive } from "./datadriven.js";

interface Input {
  readonly voters: ReadonlySet<NodeId>;
  /** Undefined unless a joint quorum is asked about. */
  readonly joined: ReadonlySet<NodeId> | undefined;
  readonly idx: readonly string[];
  readonly votes: readonly string[];
}

const NOBODY: ReadonlySet<NodeId> = new Set();
const RESULT_NAMES = { won: "VoteWon", lost: "VoteLost", pending: "VotePending" } as const;

export function playQuorum(directive: Directive): string {
  const input = readInput(directive);
  const words = directive.command === "vote" ? input.votes : input.idx;
  const all = voterIds({ incoming: input.voters, outgoing: input.joined ?? NOBODY });
  if (all.length !== words.length) {
    return `error: mismatched input (explicit or _) for voters [${all.join(" ")}]: [${words.join(" ")}]`;
  }
  const given = assign(input, words);
  switch (directive.command) {
    case "committed":
      return committed(input, new Map([...given].map(([id, word]) => [id, Number(word)])));
    case "vote":
      return vote(input, new Map([...given].map(([id, word]) => [id, word === "y"])));
    default:
      throw new Error(`unknown command: ${directive.command}`);
  }
}

function committed(input: Input, acked: ReadonlyMap<NodeId, number>): string {
  const look = (id: NodeId): number | undefined => acked.get(id);
  const { voters, joined } = input;
  if (joined !== undefined) {
    const index = jointAcked({ incoming: voters, outgoing: joined }, look);
    const swapped = jointAcked({ incoming: joined, outgoing: voters }, look);
    const note = swapped === index ? "" : `${name(swapped)} <-- via symmetry\n`;
    return `${describe(new Set([...voters, ...joined]), acked)}${note}${name(index)}\n`;
  }
  const index = majorityAcked(voters, look);
  let notes = "";
  const note = (other: number, how: string): void => {
    if (other !== index) notes += `${name(other)} <-- ${how}\n`;
  };
  note(slowCommitted(voters, acked), "via alternative computation");
  note(jointAcked({ incoming: voters, outgoing: NOBODY }, look), "via zero-joint quorum");
  note(jointAcked({ incoming: voters, outgoing: voters }, look), "via self-joint quorum");
  for (const id of voters) {
    const own = acked.get(id) ?? 0;
    if (own === 0 || index <= own) continue;
    for (const lower of [own - 1, 0]) {
      const other = majorityAcked(voters, (one) => (one === id ? lower : acked.get(one)));
      note(other, `overlaying ${id}->${lower}`);
    }
  }
  return `${describe(voters, acked)}${notes}${name(index)}\n`;
}

function vote(input: Input, votes: ReadonlyMap<NodeId, boolean>): string {
  const cast = (id: NodeId): boolean | undefined => votes.get(id);
  const { voters, joined } = input;
  if (joined === undefined) return `${RESULT_NAMES[majorityVote(voters, cast)]}\n`;
  const result = jointVote({ incoming: voters, outgoing: joined }, cast);
  const swapped = jointVote({ incoming: joined, outgoing: voters }, cast);
  const note = swapped === result ? "" : `${RESULT_NAMES[swapped]} <-- via symmetry\n`;
  return `${note}${RESULT_NAMES[result]}\n`;
}

/** By definition: the largest of the given indexes that enough voters have reached. */
function slowCommitted(voters: ReadonlySet<NodeId>, acked: ReadonlyMap<NodeId, number>): number {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  let best = 0;
  for (const candidate of acked.values()) {
    const reached = [...voters].filter((id) => (acked.get(id) ?? 0) >= candidate).length;
    if (reached >= majorityOf(voters.size)) best = Math.max(best, candidate);
  }
  return best;
}

/** A bar per voter: how many voters have a lower index. */
function describe(voters: ReadonlySet<NodeId>, acked: ReadonlyMap<NodeId, number>): string {
  if (voters.size === 0) return "<empty majority quorum>";
  const size = voters.size;
  const rows = [...voters].sort((a, b) => a - b).map((id) => ({ id, index: acked.get(id) }));
  const below = (index: number): number =>
    rows.filter((other) => (other.index ?? 0) < index).length;
  let text = `${" ".repeat(size)}    idx\n`;
  for (const { id, index } of rows) {
    const bar = below(index ?? 0);
    const mark =
      index === undefined ? `?${" ".repeat(size)}` : `${"x".repeat(bar)}>${" ".repeat(size - bar)}`;
    text += `${mark} ${String(index ?? 0).padStart(5)}    (id=${id})\n`;
  }
  return text;
}

function name(index: number): string {
  return Number.isFinite(index) ? String(index) : "∞";
}

function readInput(directive: Directive): Input {
  const values = (key: string): string[] =>
    directive.args.filter((arg) => arg.key === key).flatMap((arg) => arg.values);
  const ids = (words: readonly string[]): Set<NodeId> =>
    new Set(words.filter((word) => word !== "zero").map((word) => Number(word) as NodeId));
  const isJoint = directive.args.some((arg) => arg.key === "cfgj" && arg.values.length > 0);
  return {
    voters: ids(values("cfg")),
    joined: isJoint ? ids(values("cfgj")) : undefined,
    idx: values("idx"),
    votes: values("votes"),
  };
}

/** Words go to voters in the order of the halves, without repetition; `_` is no information. */
function assign(input: Input, words: readonly string[]): Map<NodeId, string> {
  const order = new Set([...input.voters, ...(input.joined ?? [])]);
  const given = new Map<NodeId, string>();
  for (const [i, id] of [...order].entries()) {
    const word = words[i];
    if (word !== undefined && word !== "_") given.set(id, word);
  }
  return given;
}
