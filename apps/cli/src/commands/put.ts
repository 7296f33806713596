import type { Command } from "commander";
import { parseDuration } from "../duration.js";
import type { Report } from "../report.js";
import { type CommandContext, type Grammar, toKey, toValue } from "./command.js";

interface PutFlags {
  readonly file?: string;
  readonly ttl?: number;
}

export function registerPut(parent: Command, grammar: Grammar): void {
  const stdin = grammar.isShell ? "" : ", or - for standard input";
  parent
    .command("put")
    .usage("<key> <value> [options]")
    .summary("store a value")
    .description("Stores a value under a key, replacing what was there.")
    .argument("<key>", "the key")
    .argument("[value]", `the value${stdin}`)
    .option("-f, --file <path>", "read the value from a file, byte for byte")
    .option("--ttl <duration>", "how long the value lives (30s, 5m, 2h, 7d)", (text) =>
      parseDuration(text, "--ttl"),
    )
    .addHelpText("after", grammar.isShell ? "" : EXAMPLES)
    .action((key: string, argument: string | undefined, flags: PutFlags) => {
      grammar.submit(async function* put(context: CommandContext): AsyncGenerator<Report> {
        const keyBytes = toKey(key, context);
        const value = await toValue({ argument, file: flags.file }, context, grammar);
        const { revision } = await context.client.put(keyBytes, value, {
          ...context.call,
          ttlMs: flags.ttl,
        });
        yield { kind: "stored", key: keyBytes, revision };
      });
    });
}

const EXAMPLES = `
Examples:
  titan put greeting "hello, world"
  titan put session:42 alice --ttl 30m
  titan put photo --file cat.jpg
  date | titan put now -
  titan put -- --odd-key -x        (after -- nothing is an option)
`;
