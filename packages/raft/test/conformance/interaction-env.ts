/**
 * Plays interaction scripts: whole clusters, command by command. The order in which `stabilize`
 * does things is part of what the scripts expect.
 */

import {
  isRaftError,
  isStorageMessage,
  type Message,
  type Random,
  type Ready,
} from "../../src/core/index.js";
import {
  isKnownTypeName,
  renderAppendTask,
  renderApplyTask,
  renderEntry,
  renderMessage,
  renderReady,
  typeName,
} from "./render.js";
import { type NodeSettings, ScriptNode } from "./script-node.js";
import { ScriptOutput } from "./script-output.js";

export interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

export class InteractionEnv {
  readonly output = new ScriptOutput();
  readonly nodes: ScriptNode[] = [];
  readonly #random: Random;
  #inFlight: Message[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  addNodes(count: number, settings: NodeSettings): void {
    for (let i = 0; i < count; i += 1) {
      this.nodes.push(new ScriptNode(this.nodes.length + 1, settings, this.#random));
    }
  }

  node(id: number): ScriptNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  enqueue(message: Message): void {
    this.#inFlight.push(message);
  }

  processReady(node: ScriptNode): void {
    const ready = node.core.ready();
    this.output.write(renderReady(ready, this.#messageLines(node, ready)));
    if (node.isAsync) this.#passToThreads(node, ready);
    else this.#handleAtOnce(node, ready);
  }

  processAppendThread(node: ScriptNode): void {
    const task = node.appendWork.shift();
    if (task === undefined) {
      this.output.write("no append work to perform");
      return;
    }
    this.output.writeLine("Processing:");
    this.output.writeLine(renderAppendTask(node.id, task, false));
    node.store(task);
    this.#respond(task.responses);
  }

  processApplyThread(node: ScriptNode): void {
    const task = node.applyWork.shift();
    if (task === undefined) {
      this.output.write("no apply work to perform");
      return;
    }
    this.output.writeLine("Processing:");
    this.output.writeLine(renderApplyTask(node.id, task, false));
    node.apply(task);
    this.#respond([task.response]);
  }

  /** @returns how many messages were delivered or dropped */
  deliver(recipients: readonly Recipient[], type?: string): number {
    if (type !== undefined && !isKnownTypeName(type)) throw new Error(`unknown type ${type}`);
    let count = 0;
    for (const { id, drop } of recipients) {
      const isMeant = (message: Message): boolean =>
        message.to === id &&
        !(drop && isLocal(message)) &&
        (type === undefined || typeName(message) === type);
      const chosen = this.#inFlight.filter(isMeant);
      this.#inFlight = this.#inFlight.filter((message) => !isMeant(message));
      count += chosen.length;
      for (const message of chosen) this.#deliverOne(message, drop);
    }
    return count;
  }

  /** Lets `nodes` work and talk among each other until nothing moves. */
  stabilize(nodes: readonly ScriptNode[]): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const node of nodes) {
        if (!node.core.hasReady) continue;
        moved = true;
        this.output.writeLine(`> ${node.id} handling Ready`);
        this.output.indented(() => this.processReady(node));
      }
      for (const { id } of nodes) {
        if (!this.#inFlight.some((message) => message.to === id)) continue;
        moved = true;
        this.output.writeLine(`> ${id} receiving messages`);
        this.output.indented(() => this.deliver([{ id, drop: false }]));
      }
      for (const node of nodes) {
        if (node.appendWork.length === 0) continue;
        moved = true;
        this.output.writeLine(`> ${node.id} processing append thread`);
        while (node.appendWork.length > 0) {
          this.output.indented(() => this.processAppendThread(node));
        }
      }
      for (const node of nodes) {
        if (node.applyWork.length === 0) continue;
        moved = true;
        this.output.writeLine(`> ${node.id} processing apply thread`);
        while (node.applyWork.length > 0) {
          this.output.indented(() => this.processApplyThread(node));
        }
      }
    }
  }

  writeLog(node: ScriptNode): void {
    const first = node.storage.firstIndex();
    const last = node.storage.lastIndex();
    if (last < first) {
      this.output.write(`log is empty: first index=${first}, last index=${last}`);
      return;
    }
    const end = last + 1;
    const entries = node.storage.entries(first, end as typeof last, Number.POSITIVE_INFINITY);
    for (const entry of entries) this.output.writeLine(renderEntry(entry));
  }

  #deliverOne(message: Message, drop: boolean): void {
    this.output.writeLine(`${drop ? "dropped: " : ""}${renderMessage(message)}`);
    if (drop) return;
    const refusal = this.node(message.to).core.step(message);
    if (refusal === "RAFT_PEER_NOT_FOUND") {
      this.output.writeLine("raft: cannot step as peer not found");
    } else if (refusal !== undefined && message.type === "propose-request") {
      this.output.writeLine("raft proposal dropped");
    } else if (refusal === "RAFT_BAD_MESSAGE") {
      this.output.writeLine(refusal);
    }
  }

  #messageLines(node: ScriptNode, ready: Ready): string[] {
    const lines = ready.messages.map((message) => renderMessage(message));
    const { append, apply } = ready;
    if (!node.isAsync) {
      const others = (append?.responses ?? []).filter((message) => message.to !== node.id);
      return [...lines, ...others.map((message) => renderMessage(message))];
    }
    if (append !== undefined) lines.push(renderAppendTask(node.id, append, true));
    if (apply !== undefined) lines.push(renderApplyTask(node.id, apply, true));
    return lines;
  }

  #passToThreads(node: ScriptNode, ready: Ready): void {
    for (const message of ready.messages) this.enqueue(message);
    if (ready.append !== undefined) node.appendWork.push(ready.append);
    if (ready.apply !== undefined) node.applyWork.push(ready.apply);
  }

  /** Blocking storage: the answers of an append are stepped as soon as it returns. */
  #handleAtOnce(node: ScriptNode, ready: Ready): void {
    const responses = ready.append?.responses ?? [];
    if (ready.append !== undefined) node.store(ready.append);
    if (ready.apply !== undefined) node.apply(ready.apply);
    for (const message of ready.messages) this.enqueue(message);
    for (const message of responses) if (message.to !== node.id) this.enqueue(message);
    node.acknowledge(responses.filter((message) => message.to === node.id));
    if (ready.apply !== undefined) node.acknowledge([ready.apply.response]);
  }

  #respond(responses: readonly Message[]): void {
    this.output.writeLine("Responses:");
    for (const message of responses) {
      this.output.writeLine(renderMessage(message));
      this.enqueue(message);
    }
  }
}

/** What the file format prints for an error that a call has thrown. */
export function renderError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof RangeError) return settingRefusal(error);
  if (!isRaftError(error)) return error.message;
  if (PROPOSAL_REFUSALS.has(error.code)) return "raft proposal dropped";
  return STORAGE_REFUSALS[error.code] ?? error.message;
}

/** How the format says that a node cannot be made with such settings. */
function settingRefusal(error: RangeError): string {
  const known = SETTING_REFUSALS.find(([start]) => error.message.startsWith(start));
  return known?.[1] ?? error.message;
}

const SETTING_REFUSALS = [
  ["heartbeatTicks", "heartbeat tick must be greater than 0"],
  ["electionTicks", "election tick must be greater than heartbeat tick"],
  ["maxInflightMessages", "max inflight messages must be greater than 0"],
  ["maxInflightBytes", "max inflight bytes must be >= max message size"],
  ["readMode", "CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased"],
] as const;

const STORAGE_REFUSALS: Readonly<Record<string, string>> = {
  RAFT_LOG_COMPACTED: "requested index is unavailable due to compaction",
  RAFT_LOG_UNAVAILABLE: "requested entry at index is unavailable",
};

const PROPOSAL_REFUSALS: ReadonlySet<string> = new Set([
  "RAFT_NO_LEADER",
  "RAFT_NOT_LEADER",
  "RAFT_REMOVED",
  "RAFT_TRANSFER_IN_PROGRESS",
  "RAFT_BACKLOG_FULL",
  "RAFT_ENTRY_TOO_LARGE",
]);

function isLocal(message: Message): boolean {
  return isStorageMessage(message) || message.from === message.to;
}
