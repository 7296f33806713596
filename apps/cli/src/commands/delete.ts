import type { Command } from "commander";
import type { Report } from "../report.js";
import { type CommandContext, type Grammar, toKey } from "./command.js";

interface DeleteFlags {
  readonly ignoreMissing?: true;
}

export function registerDelete(parent: Command, grammar: Grammar): void {
  parent
    .command("delete")
    .alias("del")
    .usage("<key> [options]")
    .summary("remove a key")
    .description("Removes a key. Ends with 3 when there was no such key.")
    .argument("<key>", "the key")
    .option("--ignore-missing", "a key that is not there is fine")
    .action((key: string, flags: DeleteFlags) => {
      grammar.submit(async function* remove(context: CommandContext): AsyncGenerator<Report> {
        const keyBytes = toKey(key, context);
        const existed = await context.client.delete(keyBytes, context.call);
        if (existed || flags.ignoreMissing) yield { kind: "deleted", key: keyBytes, existed };
        else yield { kind: "not-deleted", key: keyBytes };
      });
    });
}
