import type { BatchOperation } from "@titan/client";
import type { Command } from "commander";
import { readChunks } from "../input.js";
import { linesOf } from "../lines.js";
import { parseOperationLine } from "../operation-line.js";
import type { Report } from "../report.js";
import { UsageError } from "../usage-error.js";
import type { CommandContext, Grammar } from "./command.js";

/** Most bytes of keys and values in one batch; far above what servers take, so that they say the limit. */
const MAX_BATCH_BYTES = 256 * 1024 * 1024;
/** Most operations in one batch, likewise. */
const MAX_BATCH_OPERATIONS = 1_000_000;

interface BatchFlags {
  readonly nonAtomic?: boolean;
}

export function registerBatch(parent: Command, grammar: Grammar): void {
  parent
    .command("batch")
    .usage(grammar.isShell ? "<file>" : "[file] [options]")
    .summary("apply puts and deletes together")
    .description(
      "Applies puts and deletes from a file together: all of them or none. In a cluster their keys must be on " +
        "one shard, as those with the same {hash tag} are.",
    )
    .argument(
      "[file]",
      grammar.isShell ? "the file" : "the file; standard input when left out or -",
    )
    .option("--non-atomic", "take keys of several shards: each shard's part is applied by itself")
    .addHelpText("after", FORMAT)
    .action((file: string | undefined, flags: BatchFlags) => {
      grammar.submit((context) => batch(file ?? "-", flags, context));
    });
}

async function* batch(
  file: string,
  { nonAtomic }: BatchFlags,
  context: CommandContext,
): AsyncGenerator<Report> {
  const operations = await readOperations(file, context);
  await context.client.batch(operations, { ...context.call, allowNonAtomic: nonAtomic });
  yield { kind: "batch-applied", operationCount: operations.length };
}

async function readOperations(
  file: string,
  { inputs, call }: CommandContext,
): Promise<BatchOperation<Uint8Array>[]> {
  const operations: BatchOperation<Uint8Array>[] = [];
  let bytes = 0;
  for await (const line of linesOf(readChunks(inputs, file, call.signal))) {
    if (line.text.trim() === "") continue;
    const operation = parseOperationLine(line, ["put", "delete"]);
    bytes += operation.key.length + (operation.type === "put" ? operation.value.length : 0);
    if (operations.length === MAX_BATCH_OPERATIONS || bytes > MAX_BATCH_BYTES) {
      throw new UsageError(
        `line ${line.number}: a batch has at most ${MAX_BATCH_OPERATIONS} operations and ` +
          `${MAX_BATCH_BYTES} bytes; split the input`,
      );
    }
    operations.push(operation);
  }
  return operations;
}

const FORMAT = `
Each line of the file is a JSON object:
  {"type":"put","key":"user:1","value":"Ada","ttlMs":60000}
  {"type":"delete","key":"user:2"}
Keys and values that are not text are {"base64":"…"} or {"hex":"…"}. Empty lines are skipped. A line that
is wrong is named, and nothing is sent.
`;
