/** The commands of interaction scripts. */

import {
  type ConfigTransition,
  isRaftError,
  type RaftCoreOptions,
  type ReadMode,
  toNodeId,
} from "../../src/core/index.js";
import { readChanges } from "./confchange-commands.js";
import { type Argument, type Directive, parseCommandLine } from "./datadriven.js";
import { type InteractionEnv, type Recipient, renderError } from "./interaction-env.js";
import { renderMessage, renderProgress, renderRole } from "./render.js";
import type { NodeSettings, ScriptNode } from "./script-node.js";

type Command = (env: InteractionEnv, args: readonly Argument[], input: string) => void;

/** Plays one directive. @returns what it prints */
export function playDirective(env: InteractionEnv, directive: Directive): string {
  env.output.take();
  try {
    run(env, directive.command, directive.args, directive.input);
  } catch (error) {
    // An error is told whatever the level, and ends the directive.
    const text = renderError(error);
    if (env.output.isQuiet) return text;
    env.output.write(text);
    return env.output.take();
  }
  // Commands that take no input may be followed by more of the same.
  const more = directive.command === "propose-conf-change" ? "" : directive.input;
  for (const line of more === "" ? [] : more.split("\n")) {
    const { command, args } = parseCommandLine(line);
    try {
      run(env, command, args, "");
    } catch (error) {
      const text = renderError(error);
      if (env.output.isQuiet) return text;
      env.output.write(text);
    }
  }
  return env.output.take() || "ok";
}

function run(env: InteractionEnv, name: string, args: readonly Argument[], input: string): void {
  const command = COMMANDS[name];
  if (command === undefined) throw new Error("unknown command");
  command(env, args, input);
}

const COMMANDS: Readonly<Record<string, Command>> = {
  _breakpoint: () => undefined,
  "add-nodes": (env, args) => env.addNodes(firstNumber(args), nodeSettings(args.slice(1))),
  campaign: (env, args) => firstNode(env, args).core.campaign(),
  compact: (env, args) => {
    const node = firstNode(env, args);
    node.storage.compact(number(args[1]?.key) as Parameters<typeof node.storage.compact>[0]);
    env.writeLog(node);
  },
  "deliver-msgs": deliver,
  "forget-leader": (env, args) => forgetLeader(firstNode(env, args)),
  "log-level": (env, args) => env.output.setLevel(args[0]?.key ?? ""),
  "process-append-thread": (env, args) =>
    eachNode(env, args, "processing append thread", (node) => env.processAppendThread(node)),
  "process-apply-thread": (env, args) =>
    eachNode(env, args, "processing apply thread", (node) => env.processApplyThread(node)),
  "process-ready": (env, args) =>
    eachNode(env, args, "handling Ready", (node) => env.processReady(node)),
  propose: (env, args) => {
    const data = new TextEncoder().encode(args[1]?.key ?? "");
    firstNode(env, args).core.propose(data);
  },
  "propose-conf-change": proposeConfChange,
  "raft-log": (env, args) => env.writeLog(firstNode(env, args)),
  "raft-state": writeStates,
  "report-unreachable": (env, args) => {
    const [node, lost, ...others] = namedNodes(env, args);
    if (node === undefined || lost === undefined || others.length > 0) {
      throw new Error(
        "must specify exactly two node indexes: node on which to report, and reported node",
      );
    }
    node.core.reportUnreachable(lost.id);
  },
  "send-snapshot": sendSnapshot,
  "set-randomized-election-timeout": (env, args) =>
    firstNode(env, args).core.setElectionTimeout(number(valueOf(args, "timeout"))),
  stabilize,
  status: writeStatus,
  "tick-election": (env, args) => {
    const node = firstNode(env, args);
    tick(node, node.electionTicks);
  },
  "tick-heartbeat": (env, args) => {
    const node = firstNode(env, args);
    tick(node, node.heartbeatTicks);
  },
  "transfer-leadership": (env, args) =>
    transferLeadership(env.node(number(valueOf(args, "from"))), number(valueOf(args, "to"))),

  // Commands of our own, for what the format has none for.
  "read-index": (env, args) => firstNode(env, args).core.readIndex(number(args[1]?.key)),
  "report-snapshot": (env, args) =>
    firstNode(env, args).core.reportSnapshot(
      number(args[1]?.key),
      valueOf(args, "status") === "ok",
    ),
  restart: (env, args) => {
    const node = firstNode(env, args);
    const applied = valueOf(args, "applied");
    node.restart(applied === undefined ? node.storage.firstIndex() - 1 : number(applied));
  },
  "set-eligible": (env, args) => firstNode(env, args).core.setEligible(args[1]?.key === "true"),
  "uncommitted-bytes": (env, args) =>
    env.output.writeLine(String(firstNode(env, args).core.status().uncommittedBytes)),
};

function nodeSettings(args: readonly Argument[]): NodeSettings {
  const one = (key: string): string | undefined => valueOf(args, key);
  const flag = (key: string): boolean => one(key) === "true";
  const core: Record<string, unknown> = {};
  const set = (key: string, option: keyof RaftCoreOptions): void => {
    const value = one(key);
    if (value !== undefined) core[option] = number(value);
  };
  set("election-tick", "electionTicks");
  set("heartbeat-tick", "heartbeatTicks");
  set("inflight", "maxInflightMessages");
  set("max-inflight-bytes", "maxInflightBytes");
  set("max-size-per-msg", "maxAppendBytes");
  set("max-committed-size-per-ready", "maxApplyingBytes");
  set("max-uncommitted-size", "maxUncommittedBytes");
  set("max-pending-reads", "maxPendingReads");
  set("priority", "priority");
  if (flag("prevote")) core["preVote"] = true;
  if (flag("checkquorum")) core["checkQuorum"] = true;
  if (flag("step-down-on-removal")) core["stepDownOnRemoval"] = true;
  if (flag("disable-conf-change-validation")) core["configChangeValidation"] = "off";
  if (flag("strict-conf-change-validation")) core["configChangeValidation"] = "strict";
  if (flag("disable-proposal-forwarding")) core["forwardProposals"] = false;
  const readMode = one("read-only");
  if (readMode !== undefined) core["readMode"] = toReadMode(readMode);
  return {
    voters: valuesOf(args, "voters").map(number),
    learners: valuesOf(args, "learners").map(number),
    index: number(one("index") ?? "0"),
    content: one("content") ?? "",
    isAsync: flag("async-storage-writes"),
    core,
  };
}

function toReadMode(name: string): ReadMode {
  if (name === "safe") return "read-index";
  if (name === "lease-based") return "lease";
  throw new Error(`invalid read-only option "${name}"`);
}

function deliver(env: InteractionEnv, args: readonly Argument[]): void {
  // Recipients are served in the order in which they are named.
  const recipients = args.flatMap((arg): Recipient[] => {
    if (arg.key === "drop") return arg.values.map((id) => ({ id: number(id), drop: true }));
    return arg.values.length === 0 ? [{ id: number(arg.key), drop: false }] : [];
  });
  for (const { id, drop } of recipients) {
    if (drop && recipients.some((one) => one.id === id && !one.drop)) {
      throw new Error(`can't both deliver and drop msgs to ${id}`);
    }
  }
  const count = env.deliver(recipients, valueOf(args, "type"));
  if (count === 0) env.output.writeLine("no messages");
}

function stabilize(env: InteractionEnv, args: readonly Argument[]): void {
  const before = env.output.level;
  const level = valueOf(args, "log-level");
  if (level !== undefined) env.output.setLevel(level);
  try {
    const nodes = namedNodes(env, args);
    env.stabilize(nodes.length > 0 ? nodes : env.nodes);
  } finally {
    env.output.setLevel(before);
  }
}

function proposeConfChange(env: InteractionEnv, args: readonly Argument[], input: string): void {
  const { core } = firstNode(env, args);
  const unknown = args.find(
    (arg) => arg.values.length > 0 && arg.key !== "v1" && arg.key !== "transition",
  );
  if (unknown !== undefined) throw new Error(`unknown command ${unknown.key}`);
  const transition = (valueOf(args, "transition") ?? "auto") as ConfigTransition;
  if (!["auto", "implicit", "explicit"].includes(transition)) {
    throw new Error(`unknown transition ${transition}`);
  }
  const changes = readChanges(input);
  const [single] = changes;
  if (valueOf(args, "v1") !== "true") {
    core.proposeConfigChange({ transition, changes });
  } else if (single === undefined || changes.length > 1 || transition !== "auto") {
    throw new Error("v1 conf change can only have one operation and no transition");
  } else {
    core.proposeSingleConfigChange(single);
  }
}

/** Lease reads forbid it. The scripts' library only logs that. */
function forgetLeader(node: ScriptNode): void {
  try {
    node.core.forgetLeader();
  } catch (error) {
    if (!isRaftError(error) || error.code !== "RAFT_LEASE_READS") throw error;
  }
}

/** Without a leader the request is lost. The scripts' library only logs that. */
function transferLeadership(node: ScriptNode, to: number): void {
  try {
    node.core.transferLeadership(to);
  } catch (error) {
    if (!isRaftError(error) || error.code !== "RAFT_NO_LEADER") throw error;
  }
}

function sendSnapshot(env: InteractionEnv, args: readonly Argument[]): void {
  const from = firstNode(env, args);
  const to = number(args[1]?.key);
  const snapshot = from.storage.snapshot();
  if (snapshot === undefined) throw new Error("no snapshot");
  const { term } = from.core.status();
  const message = {
    type: "snapshot-request",
    from: toNodeId(from.id),
    to: toNodeId(to),
    term,
    snapshot,
  } as const;
  env.enqueue(message);
  env.output.write(renderMessage(message));
}

function writeStates(env: InteractionEnv): void {
  for (const { core } of env.nodes) {
    const { id, role, term, leader, config } = core.status();
    const voter = [...config.voters, ...config.votersOutgoing].includes(id) ? "Voter" : "Non-Voter";
    env.output.writeLine(`${id}: ${renderRole(role)} (${voter}) Term:${term} Lead:${leader ?? 0}`);
  }
}

function writeStatus(env: InteractionEnv, args: readonly Argument[]): void {
  for (const member of firstNode(env, args).core.status().members) {
    env.output.writeLine(`${member.id}: ${renderProgress(member)}`);
  }
}

function eachNode(
  env: InteractionEnv,
  args: readonly Argument[],
  doing: string,
  act: (node: ScriptNode) => void,
): void {
  const nodes = namedNodes(env, args);
  for (const node of nodes) {
    if (nodes.length === 1) {
      act(node);
      continue;
    }
    env.output.writeLine(`> ${node.id} ${doing}`);
    env.output.indented(() => act(node));
  }
}

function tick(node: ScriptNode, times: number): void {
  for (let i = 0; i < times; i += 1) node.core.tick();
}

function namedNodes(env: InteractionEnv, args: readonly Argument[]): ScriptNode[] {
  return args.filter((arg) => arg.values.length === 0).map((arg) => env.node(number(arg.key)));
}

function firstNode(env: InteractionEnv, args: readonly Argument[]): ScriptNode {
  return env.node(firstNumber(args));
}

function firstNumber(args: readonly Argument[]): number {
  return number(args[0]?.key);
}

function valuesOf(args: readonly Argument[], key: string): readonly string[] {
  return args.filter((arg) => arg.key === key).flatMap((arg) => arg.values);
}

function valueOf(args: readonly Argument[], key: string): string | undefined {
  return valuesOf(args, key).at(-1);
}

function number(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
}
