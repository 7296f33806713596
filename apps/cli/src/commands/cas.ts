import type { CasRequest, Expected } from "@titan/client";
import type { Command } from "commander";
import { parseDuration } from "../duration.js";
import { decodeArgument } from "../encoding.js";
import type { Report } from "../report.js";
import { UsageError } from "../usage-error.js";
import { type CommandContext, type Grammar, toKey, toValue } from "./command.js";

interface CasFlags {
  readonly ifValue?: string;
  readonly ifRevision?: number;
  readonly ifAbsent?: true;
  readonly ifPresent?: true;
  readonly remove?: true;
  readonly file?: string;
  readonly ttl?: number;
}

export function registerCas(parent: Command, grammar: Grammar): void {
  parent
    .command("cas")
    .usage("<key> <value> --if-… [options]")
    .summary("change a key if it is as expected")
    .description(
      "Compare and set: changes a key if it is as expected, as one step. Ends with 6 when it is not.",
    )
    .argument("<key>", "the key")
    .argument("[value]", `the new value${grammar.isShell ? "" : ", or - for standard input"}`)
    .option("--if-value <value>", "only if it has this value")
    .option("--if-revision <number>", "only if it has this revision", parseRevision)
    .option("--if-absent", "only if it does not exist")
    .option("--if-present", "only if it exists")
    .option("--remove", "remove the key instead of storing a value")
    .option("-f, --file <path>", "read the new value from a file")
    .option("--ttl <duration>", "how long the new value lives (30s, 5m, 2h, 7d)", (text) =>
      parseDuration(text, "--ttl"),
    )
    .addHelpText("after", grammar.isShell ? "" : EXAMPLES)
    .action((key: string, value: string | undefined, flags: CasFlags) => {
      grammar.submit(async function* cas(context: CommandContext): AsyncGenerator<Report> {
        const keyBytes = toKey(key, context);
        const expected = toExpected(flags, context);
        const update = await toUpdate(value, flags, context, grammar);
        const request: CasRequest<Uint8Array> = { expected, ...update };
        const result = await context.client.cas(keyBytes, request, context.call);
        if (result.applied) yield { kind: "swapped", key: keyBytes, revision: result.revision };
        else yield { kind: "not-swapped", key: keyBytes, current: result.current };
      });
    });
}

function parseRevision(text: string): number {
  const revision = Number(text);
  if (/^\d+$/.test(text) && revision >= 1 && Number.isSafeInteger(revision)) return revision;
  throw new UsageError(`--if-revision takes a revision, a whole number from 1 on, not '${text}'`);
}

function toExpected(flags: CasFlags, { encodings }: CommandContext): Expected<Uint8Array> {
  const conditions: Expected<Uint8Array>[] = [];
  if (flags.ifValue !== undefined) {
    conditions.push({
      value: decodeArgument(flags.ifValue, encodings.value, "value of --if-value"),
    });
  }
  if (flags.ifRevision !== undefined) conditions.push({ revision: flags.ifRevision });
  if (flags.ifAbsent) conditions.push("absent");
  if (flags.ifPresent) conditions.push("present");
  const [condition, second] = conditions;
  if (condition === undefined || second !== undefined) {
    throw new UsageError(
      "cas takes one of --if-value <value>, --if-revision <number>, --if-absent, --if-present",
    );
  }
  return condition;
}

type Update =
  | { readonly value: Uint8Array; readonly ttlMs?: number | undefined }
  | { readonly remove: true };

async function toUpdate(
  argument: string | undefined,
  flags: CasFlags,
  context: CommandContext,
  grammar: Grammar,
): Promise<Update> {
  if (!flags.remove) {
    const value = await toValue({ argument, file: flags.file }, context, grammar);
    return { value, ttlMs: flags.ttl };
  }
  if (argument !== undefined || flags.file !== undefined || flags.ttl !== undefined) {
    throw new UsageError("--remove takes no value, no --file and no --ttl");
  }
  return { remove: true };
}

const EXAMPLES = `
Examples:
  titan cas leader node-1 --if-absent --ttl 10s
  titan cas config v2 --if-value v1
  titan cas job --remove --if-revision 17
`;
