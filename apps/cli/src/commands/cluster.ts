/** Commands that look at a cluster, and that give it orders. */
import type { ClusterStatus } from "@titan/client";
import { Argument, type Command } from "commander";
import type { Report } from "../report.js";
import { UsageError } from "../usage-error.js";
import type { CommandContext, Grammar } from "./command.js";

export function registerMembers(parent: Command, grammar: Grammar): void {
  parent
    .command("members")
    .usage("")
    .summary("list the nodes of the cluster")
    .description("Lists the nodes of the cluster, as the node that is asked sees them.")
    .action(() => {
      grammar.submit(async function* members(context: CommandContext): AsyncGenerator<Report> {
        yield { kind: "members", cluster: await clusterOf(context) };
      });
    });
}

export function registerShards(parent: Command, grammar: Grammar): void {
  parent
    .command("shards")
    .usage("")
    .summary("list the shards, who leads them and where they are")
    .description("Lists the shards with leader, replicas, and how far those are behind.")
    .action(() => {
      grammar.submit(async function* shards(context: CommandContext): AsyncGenerator<Report> {
        yield { kind: "shards", cluster: await clusterOf(context) };
      });
    });
}

async function clusterOf({ client, call }: CommandContext): Promise<ClusterStatus> {
  const { cluster, endpoint } = await client.status(undefined, call);
  if (cluster !== undefined) return cluster;
  throw new UsageError(`${endpoint} belongs to no cluster yet; it waits to be founded or admitted`);
}

export function registerJoin(parent: Command, grammar: Grammar): void {
  parent
    .command("join")
    .usage("<node> [options]")
    .summary("say how a new node joins the cluster")
    .description(
      "Prints the command that a new machine joins this cluster with: it is that machine that joins. It gets its share of " +
        "the replicas by itself; `titan members` shows how far it is.",
    )
    .argument("<node>", "the new node's id, which no node has had before")
    .option("--grpc-addr <address>", "where clients and nodes are to reach it", "HOST:7420")
    .option("--data-dir <directory>", "an empty directory of its own", "/var/lib/titan")
    .action((node: string, flags: { readonly grpcAddr: string; readonly dataDir: string }) => {
      grammar.submit(async function* join(context: CommandContext): AsyncGenerator<Report> {
        const { nodes } = await clusterOf(context);
        if (nodes.some(({ nodeId }) => nodeId === node)) {
          throw new UsageError(`the cluster has a node ${node} already; ids are not used twice`);
        }
        const seeds = nodes
          .filter(({ reachable, state }) => reachable && state === "active")
          .map(({ grpcAddr }) => grpcAddr);
        const command =
          `npx titan-node --node-id ${node} --join ${seeds.join(",")} ` +
          `--grpc-addr ${flags.grpcAddr} --data-dir ${flags.dataDir}`;
        const text = `On the new machine, run:\n  ${command}`;
        yield { kind: "ordered", text, fields: { node, command } };
      });
    });
}

export function registerLeave(parent: Command, grammar: Grammar): void {
  parent
    .command("leave")
    .usage("<node> [options]")
    .summary("take a node out of the cluster")
    .description(
      "Empties a node, one replica at a time, and takes it out of the cluster; then its process ends. " +
        "Answers at once; `titan members` shows how far it is.",
    )
    .argument("<node>", "the node's id")
    .option("--cancel", "take it back: the node stays")
    .action((node: string, { cancel }: { readonly cancel?: boolean }) => {
      grammar.submit(async function* leave({ client, call }): AsyncGenerator<Report> {
        if (cancel === true) {
          await client.admin.stay(node, call);
          yield { kind: "ordered", text: `${node} stays`, fields: { node, leaves: false } };
          return;
        }
        const { replicas } = await client.admin.leave(node, call);
        const left = `${replicas} replica${replicas === 1 ? "" : "s"} to move away first`;
        const text = replicas === 0 ? `${node} leaves` : `${node} leaves; ${left}`;
        yield { kind: "ordered", text, fields: { node, leaves: true, replicas } };
      });
    });
}

export function registerTransfer(parent: Command, grammar: Grammar): void {
  parent
    .command("transfer")
    .usage("<shard> <node>")
    .summary("hand a shard's leadership over")
    .description("Hands a shard's leadership over to another of its replicas, without a gap.")
    .argument("<shard>", "the shard's number", parseShard)
    .argument("<node>", "the id of the node that is to lead")
    .action((shard: number, node: string) => {
      grammar.submit(async function* transfer({ client, call }): AsyncGenerator<Report> {
        await client.admin.transferLeader(shard, node, call);
        const text = `${node} leads shard ${shard}`;
        yield { kind: "ordered", text, fields: { shard, leader: node } };
      });
    });
}

function parseShard(text: string): number {
  const shard = Number(text);
  if (/^\d+$/.test(text) && shard <= 0xffff_ffff) return shard;
  throw new UsageError(`a shard is a number, not '${text}'; \`titan shards\` lists them`);
}

export function registerBalancer(parent: Command, grammar: Grammar): void {
  parent
    .command("balancer")
    .usage("<pause|resume>")
    .summary("stop or resume the moving of replicas and leaders")
    .description(
      "Stops or resumes the moving of replicas and leaders by the cluster itself. What is under way is finished.",
    )
    .addArgument(
      new Argument("<order>", "what it is to do")
        .choices(["pause", "resume"])
        .argParser(parseOrder),
    )
    .action((order: "pause" | "resume") => {
      grammar.submit(async function* balancer({ client, call }): AsyncGenerator<Report> {
        const paused = order === "pause";
        await (paused ? client.admin.pauseBalancer(call) : client.admin.resumeBalancer(call));
        const text = paused ? "The balancer stands still" : "The balancer goes on";
        yield { kind: "ordered", text, fields: { paused } };
      });
    });
}

function parseOrder(text: string): "pause" | "resume" {
  if (text === "pause" || text === "resume") return text;
  throw new UsageError(`the balancer takes pause or resume, not '${text}'`);
}
