/** Commands about keyspaces: which there are, making and dropping them. */
import { Argument, type Command } from "commander";
import { parseDuration } from "../duration.js";
import type { Report } from "../report.js";
import { UsageError } from "../usage-error.js";
import type { CommandContext, Grammar } from "./command.js";

export function registerKeyspaces(parent: Command, grammar: Grammar): void {
  parent
    .command("keyspaces")
    .usage("")
    .summary("list the keyspaces")
    .description(
      "Lists the keyspaces, each a set of keys by itself, and how long their values live.",
    )
    .action(() => {
      grammar.submit(async function* list({
        client,
        call,
      }: CommandContext): AsyncGenerator<Report> {
        yield { kind: "keyspaces", keyspaces: await client.admin.listKeyspaces(call) };
      });
    });
}

interface KeyspaceFlags {
  readonly defaultTtl?: number;
}

export function registerKeyspace(parent: Command, grammar: Grammar): void {
  parent
    .command("keyspace")
    .usage("<create|drop> <name> [options]")
    .summary("make a keyspace, or drop one with all its keys")
    .description(
      "Makes a keyspace, or drops one with all its keys, for good. Commands work in one with --keyspace <name>.",
    )
    .addArgument(
      new Argument("<order>", "what to do").choices(["create", "drop"]).argParser(parseOrder),
    )
    .argument("<name>", "1 to 64 of a-z, 0-9, - and _, beginning with a letter")
    .option(
      "--default-ttl <duration>",
      "create: how long values live that say nothing else (default: they do not expire)",
      (text) => parseDuration(text, "--default-ttl"),
    )
    .action((order: "create" | "drop", name: string, { defaultTtl }: KeyspaceFlags) => {
      grammar.submit(async function* keyspace({ client, call }): AsyncGenerator<Report> {
        if (order === "create") {
          await client.admin.createKeyspace(name, { ...call, defaultTtlMs: defaultTtl });
          yield ordered(`Made keyspace '${name}'`, { keyspace: name, created: true });
          return;
        }
        if (defaultTtl !== undefined) throw new UsageError("--default-ttl goes with create");
        await client.admin.dropKeyspace(name, call);
        yield ordered(`Dropped keyspace '${name}'`, { keyspace: name, dropped: true });
      });
    });
}

function ordered(text: string, fields: Readonly<Record<string, string | boolean>>): Report {
  return { kind: "ordered", text, fields };
}

function parseOrder(text: string): "create" | "drop" {
  if (text === "create" || text === "drop") return text;
  throw new UsageError(`keyspace takes create or drop, not '${text}'`);
}
