import type { Command } from "commander";
import { parseDuration } from "../duration.js";
import type { Report } from "../report.js";
import { UsageError } from "../usage-error.js";
import { type CommandContext, type Grammar, toKey } from "./command.js";

interface IncrementFlags {
  readonly ttl?: number;
}

export function registerIncrement(parent: Command, grammar: Grammar): void {
  parent
    .command("increment")
    .alias("incr")
    .usage("<key> [delta] [options]")
    .summary("add to a counter")
    .description("Adds to a counter and prints it. A key that is not there counts as 0.")
    .argument("<key>", "the key, whose value is a whole number as text")
    .argument("[delta]", "what to add; may be negative (default: 1)", parseDelta)
    .option(
      "--ttl <duration>",
      "how long the counter lives from now (default: as before)",
      (text) => parseDuration(text, "--ttl"),
    )
    .action((key: string, delta: number | undefined, flags: IncrementFlags) => {
      grammar.submit(async function* increment(context: CommandContext): AsyncGenerator<Report> {
        const keyBytes = toKey(key, context);
        const options = { ...context.call, ttlMs: flags.ttl };
        const result = await context.client.increment(keyBytes, delta ?? 1, options);
        yield { kind: "counter", key: keyBytes, value: result.value, revision: result.revision };
      });
    });
}

function parseDelta(text: string): number {
  const delta = Number(text);
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(delta)) return delta;
  throw new UsageError(`the delta is a whole number within ±(2^53 - 1), not '${text}'`);
}
