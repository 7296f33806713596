import type { Command } from "commander";
import type { Report } from "../report.js";
import { type CommandContext, type Grammar, toKey } from "./command.js";

interface GetFlags {
  readonly raw?: true;
}

export function registerGet(parent: Command, grammar: Grammar): void {
  const command = parent
    .command("get")
    .usage("<key> [options]")
    .summary("print a value")
    .description("Prints the value of a key.")
    .argument("<key>", "the key");
  if (!grammar.isShell) {
    command
      .option("--raw", "print the bytes as they are, even to a terminal")
      .addHelpText("after", OUTPUT);
  }
  command.action((key: string, flags: GetFlags) => {
    grammar.submit(async function* get(context: CommandContext): AsyncGenerator<Report> {
      const keyBytes = toKey(key, context);
      const entry = await context.client.getEntry(keyBytes, context.call);
      if (entry === undefined) yield { kind: "missing", key: keyBytes };
      else yield { kind: "value", entry, raw: flags.raw === true };
    });
  });
}

const OUTPUT = `
Into a pipe or a file go the value's bytes and nothing else. On a terminal a line break is added, and
control characters and bytes that are not UTF-8 are shown as \\xNN. Ends with 3 when there is no such key.

Examples:
  titan get greeting
  titan get photo > cat.jpg
  titan get greeting --json        (with revision and time to live)
`;
