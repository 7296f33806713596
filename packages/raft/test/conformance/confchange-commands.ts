/** The commands of configuration scripts: `simple`, `enter-joint` and `leave-joint`. */

import { type MemberChange, parseMemberChanges } from "../../src/core/config-change.js";
import {
  changeSimply,
  EMPTY_MEMBERSHIP,
  enterJoint,
  leaveJoint,
  type Membership,
} from "../../src/core/config-changer.js";
import { isRaftError, type RaftError, toLogIndex } from "../../src/core/index.js";
import type { Directive } from "./datadriven.js";
import { renderProgress } from "./render.js";

const REASONS: Partial<Record<NonNullable<RaftError["reason"]>, string>> = {
  "already-joint": "config is already joint",
  "joint-active": "can't apply simple config change in joint config",
  "not-joint": "can't leave a non-joint config",
  "no-voters": "can't make a zero-voter config joint",
  "all-voters-removed": "removed all voters",
  "multiple-voters": "more than one voter changed without entering joint config",
};

/** One file: a configuration that starts out empty, and a log that grows by one per command. */
export class ConfChangeScript {
  #membership: Membership = EMPTY_MEMBERSHIP;
  #lastIndex = 0;

  play(directive: Directive): string {
    try {
      this.#membership = this.#follow(directive);
      return renderMembership(this.#membership);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return (isRaftError(error) && error.reason && REASONS[error.reason]) || error.message;
    } finally {
      this.#lastIndex += 1;
    }
  }

  #follow(directive: Directive): Membership {
    const terms = {
      lastIndex: toLogIndex(this.#lastIndex),
      maxInflightMessages: 10,
      maxInflightBytes: Number.POSITIVE_INFINITY,
    };
    const changes = readChanges(directive.input);
    const autoLeave = directive.args.some(
      (arg) => arg.key === "autoleave" && arg.values[0] === "true",
    );
    switch (directive.command) {
      case "simple":
        return changeSimply(this.#membership, changes, terms);
      case "enter-joint":
        return enterJoint(this.#membership, changes, { ...terms, autoLeave });
      case "leave-joint":
        if (changes.length > 0) throw new Error("this command takes no input");
        return leaveJoint(this.#membership, terms);
      default:
        throw new Error("unknown command");
    }
  }
}

/** Reads `v1 l2 r3`, and says what cannot be read in the format's words. */
export function readChanges(input: string): MemberChange[] {
  for (const token of input.split(" ")) {
    if (input !== "" && token.length < 2) throw new Error(`unknown token ${token}`);
    if (input !== "" && !/^[vlru]/.test(token)) throw new Error(`unknown input: ${token}`);
  }
  return parseMemberChanges(input);
}

function renderMembership({ config, progress }: Membership): string {
  const list = (ids: ReadonlySet<number>): string =>
    `(${[...ids].sort((a, b) => a - b).join(" ")})`;
  const { incoming, outgoing } = config.voters;
  let text = `voters=${list(incoming)}`;
  if (outgoing.size > 0) text += `&&${list(outgoing)}`;
  if (config.learners.size > 0) text += ` learners=${list(config.learners)}`;
  if (config.learnersNext.size > 0) text += ` learners_next=${list(config.learnersNext)}`;
  if (config.autoLeave) text += " autoleave";
  for (const [id, one] of progress) {
    const line = renderProgress({
      state: one.state,
      match: one.match,
      next: one.next,
      isLearner: one.isLearner,
      isPaused: one.isPaused,
      recentActive: one.recentActive,
      pendingSnapshot: one.pendingSnapshot,
      inflightCount: one.inflights.count,
      inflightBytes: one.inflights.bytes,
      isInflightFull: one.inflights.isFull,
    });
    text += `\n${id}: ${line}`;
  }
  return text;
}
