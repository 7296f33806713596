import type { Command } from "commander";
import { formatCount } from "../format.js";
import { readChunks } from "../input.js";
import { linesOf } from "../lines.js";
import { parseOperationLine } from "../operation-line.js";
import { ProgressMeter } from "../progress-meter.js";
import { type LineFailure, PutWindow, unknownAmong } from "../put-window.js";
import type { Report } from "../report.js";
import { StoppedMidway } from "../stopped-midway.js";
import type { CommandContext, Grammar } from "./command.js";

interface ImportFlags {
  readonly dryRun?: true;
}

export function registerImport(parent: Command, grammar: Grammar): void {
  parent
    .command("import")
    .usage(grammar.isShell ? "<file> [options]" : "[file] [options]")
    .summary("store the keys and values of a file")
    .description(
      "Stores keys and values from a file, as `titan export` writes it. Other keys stay as they are. Each key " +
        "is stored by itself: an import that fails has stored some, says which, and can be repeated.",
    )
    .argument(
      "[file]",
      grammar.isShell ? "the file" : "the file; standard input when left out or -",
    )
    .option("--dry-run", "check the file, store nothing")
    .addHelpText("after", FORMAT + (grammar.isShell ? "" : EXAMPLES))
    .action((file: string | undefined, flags: ImportFlags) => {
      grammar.submit((context) => importEntries(file ?? "-", flags, context));
    });
}

async function* importEntries(
  file: string,
  flags: ImportFlags,
  { client, inputs, ports, call }: CommandContext,
): AsyncGenerator<Report> {
  const isDryRun = flags.dryRun === true;
  const totalBytes = await inputs.sizeOf(file);
  const meter = new ProgressMeter(ports.clock, { totalBytes, isBesideAnswer: false });
  const window = new PutWindow(client, call);
  let lastLine = 0;
  try {
    for await (const line of linesOf(meter.counted(readChunks(inputs, file, call.signal)))) {
      if (line.text.trim() !== "") {
        const put = parseOperationLine(line, ["put"]);
        if (!isDryRun) await window.add(line.number, put);
        meter.entries += 1;
      }
      if (window.hasFailed) break;
      lastLine = line.number;
      const progress = meter.update();
      if (progress !== undefined) yield { kind: "progress", progress };
    }
    await window.settled();
  } catch (error) {
    await window.settled();
    const cause = call.signal.aborted ? call.signal.reason : error;
    // Nothing was sent: a file that is wrong, or could not be read, and that is all.
    if (!call.signal.aborted && !window.hasFailed && window.applied === 0) throw error;
    throw stopped(cause, window, lastLine);
  }
  if (window.hasFailed) {
    throw stopped(call.signal.aborted ? call.signal.reason : undefined, window, lastLine);
  }
  const { entries, bytes } = meter;
  yield { kind: "imported", entries, bytes, isDryRun };
}

/** @param cause why it was stopped; when left out, that a put failed */
function stopped(cause: unknown, window: PutWindow, lastLine: number): StoppedMidway {
  const { applied, failures } = window;
  const unknown = unknownAmong(failures);
  const first = failures.reduce<LineFailure | undefined>(
    (least, one) => (least !== undefined && least.line < one.line ? least : one),
    undefined,
  );
  const wholeUpToLine = first === undefined ? lastLine : first.line - 1;
  const written = `${formatCount(applied)} key${applied === 1 ? " was" : "s were"} written`;
  const open = unknown === 0 ? "" : `, ${formatCount(unknown)} more may have been`;
  const upTo = `those up to line ${formatCount(wholeUpToLine)} are among them`;
  const what = applied === 0 && unknown === 0 ? "nothing was written" : `${written}${open}`;
  const place = cause === undefined && first !== undefined ? `line ${first.line}: ` : "";
  return new StoppedMidway(cause ?? first?.error, {
    place,
    text: applied > 0 && wholeUpToLine > 0 ? `${what}; ${upTo}` : what,
    counts: { applied, unknown, wholeUpToLine },
    outcome: unknown === 0 && applied === 0 ? "not-applied" : "unknown",
    advice: "The import can be repeated: keys that are stored already are stored again.",
  });
}

const FORMAT = `
Each line of the file is a JSON object: {"key":"user:1","value":"Ada","ttlMs":60000}. Keys and values that
are not text are {"base64":"…"} or {"hex":"…"}; "ttlMs" counts from now. Empty lines are skipped, and of two
lines with one key the later one stays. A line that is wrong is named and ends the import; what stood before
it may be stored by then: --dry-run finds it first. Lines of 'titan scan --json' do as well.
`;

const EXAMPLES = `
Examples:
  titan import backup.ndjson --dry-run
  titan import backup.ndjson
  gunzip -c users.ndjson.gz | titan import --keyspace copy
`;
