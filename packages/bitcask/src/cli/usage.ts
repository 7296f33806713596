/** The command line: what there is, and what is wrong with what was typed. */
import { type ParseArgsConfig, parseArgs } from "node:util";

export const HELP = `Usage: bitcask <command> <directory> [arguments] [--json]

  stat DIR                 what the store consists of
  verify DIR               read everything, report damage; changes nothing
  repair DIR               keep all that is intact, move damaged files aside
  merge DIR                rewrite files with dead bytes, and those of other encryption keys
      --all                rewrite all files
  dump DIR                 entries as lines of JSON on standard output
      --prefix TEXT        only keys that begin so
      --limit N            at most N entries
  load DIR [FILE]          entries from lines of JSON, from FILE or standard input
      --create             make the store when there is none
      --batch N            lines per atomic batch, 1 to 100000 (default 1000)
  checkpoint DIR TARGET    copy by hard links into a new or empty directory
  backup DIR [FILE]        the store as one file, or to standard output
  restore FILE DIR         a new store from a backup; FILE "-" is standard input

  --key-file [ID=]PATH     an encryption key, as 32 bytes, hexadecimal or base64; ID is 1 when left
                           out; may be repeated, the last one is written with. The variable
                           BITCASK_KEYS holds keys as well: [ID=]KEY, separated by commas
  --json                   results as JSON
  --help, --version        this text, the version of the package

A line of JSON is {"key": …, "value": …, "expiresAtMs": …}; keys and values are strings,
or {"base64": "…"} for bytes that are not UTF-8; expiresAtMs may be left out.

Exit codes: 0 done, 1 failed, 2 wrong command line, 3 damage found, 4 store in use.
`;

export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

export interface CommandLine {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly isJson: boolean;
  readonly isHelp: boolean;
  readonly prefix: string | undefined;
  readonly limit: number | undefined;
  readonly batchLines: number;
  readonly mayCreate: boolean;
  readonly mergesAll: boolean;
  readonly keyFiles: readonly string[];
}

const OPTIONS = {
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  prefix: { type: "string" },
  limit: { type: "string" },
  batch: { type: "string" },
  create: { type: "boolean" },
  all: { type: "boolean" },
  "key-file": { type: "string", multiple: true },
} as const satisfies ParseArgsConfig["options"];

/** Taken by every command. */
const COMMON = ["json", "help", "key-file"];

/** Command to: fewest and most arguments, options beside the common ones. */
const COMMANDS: Readonly<Record<string, readonly [number, number, readonly string[]]>> = {
  stat: [1, 1, []],
  verify: [1, 1, []],
  repair: [1, 1, []],
  merge: [1, 1, ["all"]],
  dump: [1, 1, ["prefix", "limit"]],
  load: [1, 2, ["batch", "create"]],
  checkpoint: [2, 2, []],
  backup: [1, 2, []],
  restore: [2, 2, []],
};

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    const [message = ""] = (error instanceof Error ? error.message : String(error)).split(". ");
    throw new UsageError(message, { cause: error });
  }
  const [command = "", ...rest] = parsed.positionals;
  const { values } = parsed;
  const isHelp = values.help === true || command === "help";
  if (!isHelp) check(command, rest, Object.keys(values));
  return {
    command,
    arguments: rest,
    isJson: values.json === true,
    isHelp,
    prefix: values.prefix,
    limit: values.limit === undefined ? undefined : count("limit", values.limit, 0, 2 ** 53 - 1),
    batchLines: values.batch === undefined ? 1000 : count("batch", values.batch, 1, 100_000),
    mayCreate: values.create === true,
    mergesAll: values.all === true,
    keyFiles: values["key-file"] ?? [],
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
}

function check(command: string, rest: readonly string[], options: readonly string[]): void {
  if (command === "") throw new UsageError("a command is missing");
  const rule = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (rule === undefined) throw new UsageError(`there is no command "${command}"`);
  const [fewest, most, allowed] = rule;
  if (rest.length < fewest) throw new UsageError(`${command} needs ${fewest} argument(s)`);
  if (rest.length > most) throw new UsageError(`${command} takes no "${rest[most]}"`);
  if (rest.includes("")) throw new UsageError(`an argument of ${command} is empty`);
  for (const option of options) {
    if (COMMON.includes(option) || allowed.includes(option)) continue;
    throw new UsageError(`${command} has no option --${option}`);
  }
}

function count(option: string, text: string, lowest: number, highest: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= lowest && value <= highest) return value;
  throw new UsageError(`--${option} must be a whole number of at least ${lowest}: ${text}`);
}
