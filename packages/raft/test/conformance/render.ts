/** Writes messages, work and states the way that etcd/raft's data files write them. */

import {
  type AppendTask,
  type ApplyTask,
  type ConfigState,
  decodeConfigChange,
  type Entry,
  formatMemberChanges,
  type HardState,
  type MemberStatus,
  type Message,
  type ProposedEntry,
  type ReadState,
  type Ready,
  type Role,
  type Snapshot,
} from "../../src/core/index.js";

const TYPE_NAMES: Readonly<Record<Message["type"], string>> = {
  "vote-request": "MsgVote",
  "vote-response": "MsgVoteResp",
  "pre-vote-request": "MsgPreVote",
  "pre-vote-response": "MsgPreVoteResp",
  "append-request": "MsgApp",
  "append-response": "MsgAppResp",
  "heartbeat-request": "MsgHeartbeat",
  "heartbeat-response": "MsgHeartbeatResp",
  "snapshot-request": "MsgSnap",
  "timeout-now": "MsgTimeoutNow",
  "transfer-request": "MsgTransferLeader",
  "propose-request": "MsgProp",
  "read-request": "MsgReadIndex",
  "read-response": "MsgReadIndexResp",
  "append-done": "MsgStorageAppendResp",
  "apply-done": "MsgStorageApplyResp",
};

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  follower: "StateFollower",
  "pre-candidate": "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
};

const ENTRY_NAMES: Readonly<Record<Entry["type"], string>> = {
  normal: "EntryNormal",
  "config-change": "EntryConfChangeV2",
  "single-config-change": "EntryConfChange",
};

const PROGRESS_NAMES: Readonly<Record<MemberStatus["state"], string>> = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
};

export function typeName(message: Message): string {
  return TYPE_NAMES[message.type];
}

export function isKnownTypeName(name: string): boolean {
  return Object.values(TYPE_NAMES).includes(name);
}

export function renderRole(role: Role): string {
  return ROLE_NAMES[role];
}

interface MessageFields {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly term: number;
  readonly logTerm?: number;
  readonly index?: number;
  readonly rejectHint?: number;
  readonly commit?: number;
  readonly vote?: number;
  readonly entries?: readonly (Entry | ProposedEntry)[];
  readonly snapshot?: Snapshot | undefined;
  readonly responses?: readonly Message[];
}

export function renderMessage(message: Message, indent = ""): string {
  return renderFields(fieldsOf(message), indent);
}

/** The message to the append thread that an append task stands for. */
export function renderAppendTask(id: number, task: AppendTask, withResponses: boolean): string {
  const hard = task.hardState;
  return renderFields(
    {
      from: hex(id),
      to: "AppendThread",
      type: "MsgStorageAppend",
      term: hard?.term ?? 0,
      commit: hard?.commit ?? 0,
      vote: hard?.vote ?? 0,
      entries: task.entries,
      snapshot: task.snapshot,
      responses: withResponses ? task.responses : [],
    },
    "",
  );
}

/** The message to the apply thread that an apply task stands for. */
export function renderApplyTask(id: number, task: ApplyTask, withResponses: boolean): string {
  return renderFields(
    {
      from: hex(id),
      to: "ApplyThread",
      type: "MsgStorageApply",
      term: 0,
      entries: task.entries,
      responses: withResponses ? [task.response] : [],
    },
    "",
  );
}

/** @param messages lines for what the host is to send or to pass to its storage */
export function renderReady(ready: Ready, messages: readonly string[]): string {
  const lines: string[] = [];
  const { softState, append, apply } = ready;
  if (softState !== undefined) {
    lines.push(`Lead:${softState.leader ?? 0} State:${renderRole(softState.role)}`);
  }
  if (append?.hardState !== undefined) lines.push(`HardState ${renderHardState(append.hardState)}`);
  if (ready.readStates.length > 0) {
    lines.push(`ReadStates [${ready.readStates.map(renderReadState).join(" ")}]`);
  }
  if (append !== undefined && append.entries.length > 0) {
    lines.push("Entries:", ...append.entries.map(renderEntry));
  }
  if (append?.snapshot !== undefined) lines.push(`Snapshot ${renderSnapshot(append.snapshot)}`);
  if (apply !== undefined) lines.push("CommittedEntries:", ...apply.entries.map(renderEntry));
  if (messages.length > 0) lines.push("Messages:", ...messages);
  if (lines.length === 0) return "<empty Ready>";
  return `Ready MustSync=${append?.mustSync ?? false}:\n${lines.join("\n")}\n`;
}

export function renderEntry(entry: Entry | ProposedEntry): string {
  const term = "term" in entry ? entry.term : 0;
  const index = "index" in entry ? entry.index : 0;
  const data =
    entry.type === "normal"
      ? quote(entry.data)
      : formatMemberChanges(decodeConfigChange(entry).changes);
  return `${term}/${index} ${ENTRY_NAMES[entry.type]}${data === "" ? "" : ` ${data}`}`;
}

export function renderConfState(config: ConfigState): string {
  const list = (ids: readonly number[]): string => `[${ids.join(" ")}]`;
  return (
    `Voters:${list(config.voters)} VotersOutgoing:${list(config.votersOutgoing)} ` +
    `Learners:${list(config.learners)} LearnersNext:${list(config.learnersNext)} ` +
    `AutoLeave:${config.autoLeave}`
  );
}

export function renderProgress(member: Omit<MemberStatus, "id">): string {
  let text = `${PROGRESS_NAMES[member.state]} match=${member.match} next=${member.next}`;
  if (member.isLearner) text += " learner";
  if (member.isPaused) text += " paused";
  if (member.pendingSnapshot > 0) text += ` pendingSnap=${member.pendingSnapshot}`;
  if (!member.recentActive) text += " inactive";
  if (member.inflightCount > 0) {
    text += ` inflight=${member.inflightCount}${member.isInflightFull ? "[full]" : ""}`;
  }
  return text;
}

function renderFields(fields: MessageFields, indent: string): string {
  const { logTerm = 0, index = 0, entries = [], snapshot, responses = [] } = fields;
  let text = `${indent}${fields.from}->${fields.to} ${fields.type}`;
  text += ` Term:${fields.term} Log:${logTerm}/${index}`;
  if (fields.rejectHint !== undefined) text += ` Rejected (Hint: ${fields.rejectHint})`;
  if (fields.commit) text += ` Commit:${fields.commit}`;
  if (fields.vote) text += ` Vote:${fields.vote}`;
  if (entries.length === 1) text += ` Entries:[${entries.map(renderEntry).join("")}]`;
  if (entries.length > 1) {
    const lines = entries.map((entry) => `\n${indent}  ${renderEntry(entry)}`);
    text += ` Entries:[${lines.join("")}\n${indent}]`;
  }
  if (snapshot !== undefined) text += `\n${indent}  Snapshot: ${renderSnapshot(snapshot)}`;
  if (responses.length > 0) {
    const lines = responses.map((response) => `\n${renderMessage(response, `${indent}  `)}`);
    text += ` Responses:[${lines.join("")}\n${indent}]`;
  }
  return text;
}

function fieldsOf(message: Message): MessageFields {
  const type = typeName(message);
  const to = hex(message.to);
  if (message.type === "append-done") {
    const { term, last, snapshot } = message;
    const log = { logTerm: last?.term ?? 0, index: last?.index ?? 0 };
    return { from: "AppendThread", to, type, term, ...log, snapshot };
  }
  if (message.type === "apply-done") {
    return { from: "ApplyThread", to, type, term: 0, entries: message.entries };
  }
  const base = { from: hex(message.from), to, type, term: "term" in message ? message.term : 0 };
  switch (message.type) {
    case "vote-request":
    case "pre-vote-request":
      return { ...base, logTerm: message.last.term, index: message.last.index };
    case "vote-response":
    case "pre-vote-response":
      return message.granted ? base : { ...base, rejectHint: 0 };
    case "append-request": {
      const { previous, commit, entries } = message;
      return { ...base, logTerm: previous.term, index: previous.index, commit, entries };
    }
    case "append-response": {
      const { index, rejectedHint: hint } = message;
      if (hint === undefined) return { ...base, index };
      return { ...base, index, logTerm: hint.term, rejectHint: hint.index };
    }
    case "heartbeat-request":
      return { ...base, commit: message.commit };
    case "snapshot-request":
      return { ...base, snapshot: message.snapshot };
    case "transfer-request":
      return { ...base, from: hex(message.transferee) };
    case "propose-request":
      return { ...base, entries: message.entries };
    case "read-request":
      return { ...base, entries: [contextEntry(message.context)] };
    case "read-response":
      return { ...base, index: message.index, entries: [contextEntry(message.context)] };
    case "heartbeat-response":
    case "timeout-now":
    default:
      return base;
  }
}

function contextEntry(context: number): ProposedEntry {
  return { type: "normal", data: new TextEncoder().encode(String(context)) };
}

function renderHardState(hard: HardState): string {
  const vote = hard.vote === undefined ? "" : ` Vote:${hard.vote}`;
  return `Term:${hard.term}${vote} Commit:${hard.commit}`;
}

function renderReadState(read: ReadState): string {
  return `{${read.index} ${read.context}}`;
}

function renderSnapshot({ meta }: Snapshot): string {
  return `Index:${meta.index} Term:${meta.term} ConfState:${renderConfState(meta.config)}`;
}

function hex(id: number): string {
  return id.toString(16);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** Bytes in double quotes, as Go's %q writes them. */
function quote(data: Uint8Array): string {
  let text = "";
  for (const char of new TextDecoder("utf-8").decode(data)) {
    const code = char.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || code === 0x7f;
    text += ESCAPES[char] ?? (isControl ? `\\x${code.toString(16).padStart(2, "0")}` : char);
  }
  return `"${text}"`;
}
