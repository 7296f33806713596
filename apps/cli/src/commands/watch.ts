import type { WatchPosition } from "@titan/client";
import type { Command } from "commander";
import type { Report } from "../report.js";
import { UsageError } from "../usage-error.js";
import type { CommandContext, Grammar } from "./command.js";
import { toKey } from "./command.js";
import { parseCount } from "./count.js";
import { type RangeFlags, toRange } from "./range.js";

interface WatchFlags extends RangeFlags {
  readonly key?: string;
  readonly from?: WatchPosition;
  readonly limit?: number;
  readonly keysOnly?: true;
}

export function registerWatch(parent: Command, grammar: Grammar): void {
  parent
    .command("watch")
    .usage("[prefix] [options]")
    .summary("show changes of keys as they happen")
    .description(
      "Shows changes as they happen, one per line: put, delete or expire, the key, and the value of a put, with " +
        "tabs between. Goes on until Ctrl-C, also when nodes fail meanwhile; no change is left out or shown twice.",
    )
    .argument("[prefix]", "only keys that begin with this")
    .option("--prefix <prefix>", "the same as an option")
    .option("--key <key>", "only this key")
    .option("--start <key>", "only keys from this one on")
    .option("--end <key>", "only keys before this one")
    .option("--from <position>", "begin behind a position that --json has shown", parsePosition)
    .option("-n, --limit <count>", "stop after so many changes", parseCount("--limit"))
    .option("--keys-only", "leave the values out")
    .addHelpText("after", grammar.isShell ? "" : OUTPUT)
    .action((prefix: string | undefined, flags: WatchFlags) => {
      grammar.submit((context) => watch(prefix, flags, context));
    });
}

async function* watch(
  prefix: string | undefined,
  flags: WatchFlags,
  context: CommandContext,
): AsyncGenerator<Report> {
  const range = toRange(prefix, flags, context);
  const isRange = Object.values(range).some((bound) => bound !== undefined);
  if (flags.key !== undefined && isRange) {
    throw new UsageError("give --key, or a prefix and bounds, not both");
  }
  const options = {
    ...(flags.key === undefined ? range : { key: toKey(flags.key, context) }),
    from: flags.from,
    signal: context.call.signal,
  };
  const events = flags.keysOnly
    ? context.client.watch({ ...options, keysOnly: true })
    : context.client.watch({ ...options, keysOnly: false });
  let left = flags.limit ?? Number.POSITIVE_INFINITY;
  let hasBegun = false;
  for await (const event of events) {
    if (event.type === "progress") {
      yield { kind: "watched-to", position: event.position, isFirst: !hasBegun };
      hasBegun = true;
      continue;
    }
    yield { kind: "change", event };
    left -= 1;
    if (left === 0) return;
  }
}

/** As `--json` shows it: `[{"shard":0,"revision":7}]`. */
function parsePosition(text: string): WatchPosition {
  let position: unknown;
  try {
    position = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (Array.isArray(position) && position.every(isPlace)) return position;
  throw new UsageError(
    `--from takes a position as 'watch --json' shows it, such as '[{"shard":0,"revision":7}]', not '${text}'`,
  );
}

function isPlace(place: unknown): place is WatchPosition[number] {
  const { shard, revision } = (place ?? {}) as Partial<Record<string, unknown>>;
  return isCount(shard) && isCount(revision);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

const OUTPUT = `
Keys and values are written as by 'titan scan'. With --json each line is an object; lines of the type
"progress" say how far all has been shown, for --from.

Examples:
  titan watch user:
  titan watch --key config --limit 1
  titan watch --json --from '[{"shard":0,"revision":7}]' > changes.ndjson
`;
