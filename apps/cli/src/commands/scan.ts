import type { Command } from "commander";
import type { Report } from "../report.js";
import type { CommandContext, Grammar } from "./command.js";
import { parseCount } from "./count.js";
import { type RangeFlags, toRange } from "./range.js";

interface ScanFlags extends RangeFlags {
  readonly limit?: number;
  readonly reverse?: true;
  readonly keysOnly?: true;
}

export function registerScan(parent: Command, grammar: Grammar): void {
  parent
    .command("scan")
    .usage("[prefix] [options]")
    .summary("list keys and values in order")
    .description("Lists keys with their values in byte order, one per line, a tab between.")
    .argument("[prefix]", "only keys that begin with this")
    .option("--prefix <prefix>", "the same as an option")
    .option("--start <key>", "begin with this key, included")
    .option("--end <key>", "end before this key")
    .option("-n, --limit <count>", "stop after so many keys", parseCount("--limit"))
    .option("--reverse", "from the last key to the first")
    .option("--keys-only", "leave the values out")
    .addHelpText("after", grammar.isShell ? "" : OUTPUT)
    .action((prefix: string | undefined, flags: ScanFlags) => {
      grammar.submit((context) => scan(prefix, flags, context));
    });
}

async function* scan(
  prefix: string | undefined,
  flags: ScanFlags,
  context: CommandContext,
): AsyncGenerator<Report> {
  const { client, call } = context;
  const range = {
    ...call,
    ...toRange(prefix, flags, context),
    reverse: flags.reverse,
    limit: flags.limit,
  };
  const entries = flags.keysOnly
    ? client.scan({ ...range, keysOnly: true })
    : client.scan({ ...range, keysOnly: false });
  let count = 0;
  for await (const entry of entries) {
    count += 1;
    yield { kind: "entry", entry };
  }
  yield { kind: "scanned", count };
}

const OUTPUT = `
Backslash, tab and line ends are written \\\\ \\t \\n \\r, other control characters and bytes that are not
UTF-8 as \\xNN, so that each key is one line. With --json each line is an object that 'titan batch' takes.

Examples:
  titan scan user: --limit 10
  titan scan --start a --end n --keys-only
  titan scan --json > backup.ndjson
`;
