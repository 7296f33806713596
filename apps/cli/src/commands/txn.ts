import type { Command } from "commander";
import { readValue } from "../input.js";
import type { Report } from "../report.js";
import { parseTxn } from "../txn-file.js";
import type { CommandContext, Grammar } from "./command.js";

export function registerTxn(parent: Command, grammar: Grammar): void {
  parent
    .command("txn")
    .usage(grammar.isShell ? "<file>" : "[file]")
    .summary("compare, then do one list of operations or the other")
    .description(
      "Does all of one list of operations when all conditions hold, and all of another when one does not, at one " +
        "moment. In a cluster their keys must be on one shard, as those with the same {hash tag} are.",
    )
    .argument(
      "[file]",
      grammar.isShell ? "the file" : "the file; standard input when left out or -",
    )
    .addHelpText("after", FORMAT)
    .action((file: string | undefined) => {
      grammar.submit((context) => txn(file ?? "-", context));
    });
}

async function* txn(file: string, context: CommandContext): AsyncGenerator<Report> {
  const { client, inputs, call } = context;
  const text = Buffer.from(await readValue(inputs, file, call.signal)).toString("utf8");
  const request = parseTxn(text);
  const result = await client.txn(request, call);
  const done = (result.succeeded ? request.then : request.otherwise) ?? [];
  for (const [index, answer] of result.answers.entries()) {
    const key = Buffer.from(done[index]?.key ?? "");
    if (answer.type !== "get") continue;
    if (answer.entry === undefined) yield { kind: "missing-in-txn", key };
    else yield { kind: "entry", entry: answer.entry };
  }
  const { succeeded, revision } = result;
  yield { kind: "transacted", succeeded, revision, operationCount: done.length };
}

const FORMAT = `
The file is a JSON object:
  {"if":[{"key":"{cart}owner","value":"Ada"},{"key":"{cart}closed","exists":false}],
   "then":[{"type":"put","key":"{cart}total","value":"3"},{"type":"get","key":"{cart}note"}],
   "otherwise":[{"type":"get","key":"{cart}owner"}]}
A condition names a value, a revision (0: there is none) or whether there is one; "is" relates the first two: equal
(when left out), not-equal, less, greater. Keys and values that are not text are {"base64":"…"} or {"hex":"…"}.
Exit code 6 says that a condition did not hold, and "otherwise" was done.
`;
