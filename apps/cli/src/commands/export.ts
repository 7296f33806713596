import { Buffer } from "node:buffer";
import type { Command } from "commander";
import { formatEntryLine } from "../entry-line.js";
import { formatCount } from "../format.js";
import { ProgressMeter } from "../progress-meter.js";
import type { Report } from "../report.js";
import { StoppedMidway } from "../stopped-midway.js";
import type { CommandContext, Grammar } from "./command.js";
import { type RangeFlags, toRange } from "./range.js";

interface ExportFlags extends RangeFlags {
  readonly output?: string;
}

export function registerExport(parent: Command, grammar: Grammar): void {
  parent
    .command("export")
    .usage("[prefix] [options]")
    .summary("write keys and values to a file")
    .description(
      "Writes keys with their values and times to live, one JSON object per line, for `titan import`.",
    )
    .argument("[prefix]", "only keys that begin with this")
    .option("--prefix <prefix>", "the same as an option")
    .option("--start <key>", "begin with this key, included")
    .option("--end <key>", "end before this key")
    .option("-o, --output <path>", "write to this file, which is there once it is whole")
    .addHelpText("after", grammar.isShell ? "" : FORMAT)
    .action((prefix: string | undefined, flags: ExportFlags) => {
      grammar.submit((context) => exportEntries(prefix, flags, context));
    });
}

async function* exportEntries(
  prefix: string | undefined,
  flags: ExportFlags,
  context: CommandContext,
): AsyncGenerator<Report> {
  const { client, call, ports } = context;
  const range = toRange(prefix, flags, context);
  const path = flags.output === "-" ? undefined : flags.output;
  const file = path === undefined ? undefined : await ports.createFile(path);
  const isBesideAnswer = file === undefined;
  const meter = new ProgressMeter(ports.clock, { totalBytes: undefined, isBesideAnswer });
  try {
    for await (const entry of client.scan({ ...call, ...range, keysOnly: false })) {
      const line = formatEntryLine(entry);
      if (file === undefined) yield { kind: "export-line", line };
      else await file.write(line);
      meter.entries += 1;
      meter.bytes += Buffer.byteLength(line);
      const progress = meter.update();
      if (progress !== undefined) yield { kind: "progress", progress };
    }
    await file?.commit();
  } catch (error) {
    throw stopped(call.signal.aborted ? call.signal.reason : error, meter.entries, path);
  } finally {
    await file?.discard();
  }
  const { entries, bytes } = meter;
  yield { kind: "exported", entries, bytes, file: path };
}

function stopped(cause: unknown, exported: number, path: string | undefined): StoppedMidway {
  const keys = `${formatCount(exported)} key${exported === 1 ? "" : "s"}`;
  const rest = path === undefined ? "the output is not whole" : `${path} was not written`;
  const text = `${keys} had been exported, ${rest}`;
  return new StoppedMidway(cause, { text, counts: { exported }, outcome: "not-applied" });
}

const FORMAT = `
Lines are {"key":"user:1","value":"Ada","ttlMs":60000}; keys and values that are not text are
{"base64":"…"}. What is written while it runs may or may not be among them. With -o a file that was there
before is replaced when the new one is whole, and stays as it is when something fails. --json prints a
summary, to standard error when the lines go to standard output.

Examples:
  titan export -o backup.ndjson
  titan export user: | gzip > users.ndjson.gz
  titan export --start a --end n --keyspace sessions -o part.ndjson
`;
