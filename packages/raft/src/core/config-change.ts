/**
 * What a configuration change is, how it is stored in an entry, and how people write it.
 *
 * Entry data, all numbers unsigned LEB128 varints:
 *
 *   type config-change:         [transition][count] count × ([operation][node]) [context …]
 *   type single-config-change:  [operation][node] [context …]
 *
 * transition: 0 auto, 1 implicit, 2 explicit. operation: 0 add-voter, 1 remove, 2 update,
 * 3 add-learner. The context is whatever follows. A change that does nothing but leave a joint
 * configuration is stored as no bytes at all, so that no size limit can ever refuse it.
 */

import { type EntryType, NO_BYTES, type ProposedEntry } from "./entry.js";
import { RaftError } from "./errors.js";
import { type NodeId, toNodeId } from "./ids.js";

/**
 * - `add-voter`: join as a voter, or be promoted from learner.
 * - `add-learner`: join as a learner, or be demoted from voter.
 * - `remove`: leave the group.
 * - `update`: changes nothing here; carries an application's context about the node.
 */
export type ConfigOperation = "add-voter" | "remove" | "update" | "add-learner";

/** `node` 0 is ignored: an application may blank an operation it vetoed. */
export interface MemberChange {
  readonly operation: ConfigOperation;
  readonly node: NodeId | 0;
}

/**
 * - `auto`: directly when one change allows it, else joint and left as soon as possible.
 * - `implicit`: joint, left as soon as possible.
 * - `explicit`: joint, left when an empty change is proposed.
 */
export type ConfigTransition = "auto" | "implicit" | "explicit";

export interface ConfigChange {
  readonly transition: ConfigTransition;
  /** None, with transition `auto`: leave the joint configuration. */
  readonly changes: readonly MemberChange[];
  /** The application's own bytes, carried along. */
  readonly context?: Uint8Array;
}

const OPERATIONS: readonly ConfigOperation[] = ["add-voter", "remove", "update", "add-learner"];
const TRANSITIONS: readonly ConfigTransition[] = ["auto", "implicit", "explicit"];
const LETTERS: Readonly<Record<ConfigOperation, string>> = {
  "add-voter": "v",
  "add-learner": "l",
  remove: "r",
  update: "u",
};

/** The change that leaves a joint configuration. */
export const LEAVE_JOINT: ConfigChange = { transition: "auto", changes: [] };

export function leavesJoint(change: ConfigChange): boolean {
  return change.transition === "auto" && change.changes.length === 0;
}

/** Whether a change goes through a joint configuration: when asked to, or for several at once. */
export function entersJoint(change: ConfigChange): boolean {
  return change.transition !== "auto" || change.changes.length > 1;
}

/** The entry to propose for `change`. */
export function encodeConfigChange(change: ConfigChange): ProposedEntry {
  if (leavesJoint(change) && (change.context?.length ?? 0) === 0) {
    return { type: "config-change", data: NO_BYTES };
  }
  const bytes = [TRANSITIONS.indexOf(change.transition)];
  pushVarint(bytes, change.changes.length);
  for (const one of change.changes) pushMemberChange(bytes, one);
  return { type: "config-change", data: withContext(bytes, change.context) };
}

/** The entry to propose for one change in the older form: never joint, at most one voter. */
export function encodeSingleConfigChange(one: MemberChange, context?: Uint8Array): ProposedEntry {
  const bytes: number[] = [];
  pushMemberChange(bytes, one);
  return { type: "single-config-change", data: withContext(bytes, context) };
}

/** @throws RaftError `RAFT_CONFIG_CHANGE_MALFORMED` */
export function decodeConfigChange(entry: {
  readonly type: EntryType;
  readonly data: Uint8Array;
}): ConfigChange {
  const { type, data } = entry;
  if (type === "normal") throw malformed("a normal entry holds no configuration change");
  if (data.length === 0 && type === "config-change") return LEAVE_JOINT;
  const reader = { data, offset: 0 };
  let transition: ConfigTransition | undefined = "auto";
  let count = 1;
  if (type === "config-change") {
    transition = TRANSITIONS[readVarint(reader)];
    if (transition === undefined) throw malformed("unknown transition");
    count = readVarint(reader);
  }
  // Each change takes two bytes or more, so a longer count cannot be honest.
  if (count > data.length) throw malformed(`${count} changes in ${data.length} bytes`);
  const changes: MemberChange[] = [];
  for (let i = 0; i < count; i += 1) changes.push(readMemberChange(reader));
  const context = data.subarray(reader.offset);
  return context.length > 0 ? { transition, changes, context } : { transition, changes };
}

/**
 * Reads `v1 l2 r3 u4`: add voter 1, add learner 2, remove 3, update 4. The empty string is no
 * change.
 * @throws RaftError `RAFT_CONFIG_CHANGE_MALFORMED`
 */
export function parseMemberChanges(text: string): MemberChange[] {
  const tokens = text
    .trim()
    .split(/\s+/)
    .filter((token) => token !== "");
  return tokens.map((token) => {
    const operation = OPERATIONS.find((known) => LETTERS[known] === token[0]);
    if (operation === undefined || !/^\d{1,15}$/.test(token.slice(1))) {
      throw malformed(`not a change: ${token}`);
    }
    return { operation, node: toNodeOrZero(Number(token.slice(1))) };
  });
}

/** The inverse of {@link parseMemberChanges}. */
export function formatMemberChanges(changes: readonly MemberChange[]): string {
  return changes.map((one) => `${LETTERS[one.operation]}${one.node}`).join(" ");
}

function toNodeOrZero(value: number): NodeId | 0 {
  return value === 0 ? 0 : toNodeId(value);
}

function pushMemberChange(bytes: number[], one: MemberChange): void {
  bytes.push(OPERATIONS.indexOf(one.operation));
  pushVarint(bytes, one.node);
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function withContext(bytes: readonly number[], context: Uint8Array | undefined): Uint8Array {
  const data = new Uint8Array(bytes.length + (context?.length ?? 0));
  data.set(bytes);
  if (context !== undefined) data.set(context, bytes.length);
  return data;
}

interface Reader {
  readonly data: Uint8Array;
  offset: number;
}

function readMemberChange(reader: Reader): MemberChange {
  const operation = OPERATIONS[readVarint(reader)];
  if (operation === undefined) throw malformed("unknown operation");
  return { operation, node: toNodeOrZero(readVarint(reader)) };
}

function readVarint(reader: Reader): number {
  let value = 0;
  for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
    const byte = reader.data[reader.offset];
    if (byte === undefined) throw malformed("truncated");
    reader.offset += 1;
    value += (byte % 128) * scale;
    if (byte < 128) {
      if (!Number.isSafeInteger(value)) break;
      return value;
    }
  }
  throw malformed("number too large");
}

function malformed(what: string): RaftError {
  return new RaftError({
    code: "RAFT_CONFIG_CHANGE_MALFORMED",
    message: `malformed configuration change: ${what}`,
  });
}
