/** Command lines, of the process and of the shell, turned into work. Pure: nothing runs here. */
import { Command, CommanderError, type Help } from "commander";
import { COMMANDS } from "./commands/all.js";
import type { Work } from "./commands/command.js";
import { outlineOf, type ProgramOutline } from "./outline.js";
import { applyFlags, declareRunSettings, declareSettings, type Settings } from "./settings.js";
import { UsageError } from "./usage-error.js";

export type Parsed =
  | {
      readonly kind: "work";
      readonly work: Work;
      readonly settings: Settings;
      /** How the command is used, for errors that only running it shows. */
      readonly usage: string;
    }
  /** No command was named. */
  | { readonly kind: "shell"; readonly settings: Settings }
  /** Help or the version was asked for. */
  | { readonly kind: "text"; readonly text: string };

/** Who wrote a line: `"command"` is the process's arguments, `"shell"` a line of the shell. */
export type Audience = "command" | "shell";

/** What parsing leaves behind: the work asked for, and text that is to be printed. */
interface Chosen {
  work?: Work;
  text: string;
}

/**
 * Parses `words`, which name a command and its arguments.
 * @param base settings where no option says otherwise
 * @throws UsageError
 */
export function parseWords(
  words: readonly string[],
  { audience, base, version }: { audience: Audience; base: Settings; version: string },
): Parsed {
  const chosen: Chosen = { text: "" };
  const program = buildProgram(audience, version, chosen);
  const command = namedCommand(program, words);
  const usage = command === undefined ? undefined : usageOf(command, audience);
  try {
    program.parse([...words], { from: "user" });
    if (chosen.text !== "") return { kind: "text", text: chosen.text };
    if (chosen.work === undefined) throw new UsageError("no command was named");
    const settings = applyFlags(base, program.opts());
    return { kind: "work", work: chosen.work, settings, usage: usage ?? "" };
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return { kind: "text", text: chosen.text };
      // Without a command commander has only help to offer, as an error. Ours is the shell.
      if (error.code === "commander.help" && program.args.length === 0) {
        return { kind: "shell", settings: applyFlags(base, program.opts()) };
      }
      throw new UsageError(messageOf(error, program.args, audience), usage);
    }
    throw error instanceof UsageError ? new UsageError(error.message, usage) : error;
  }
}

function namedCommand(program: Command, words: readonly string[]): Command | undefined {
  const names = (command: Command): string[] => [command.name(), ...command.aliases()];
  const name = words.find((word) => program.commands.some((one) => names(one).includes(word)));
  return program.commands.find((command) => name !== undefined && names(command).includes(name));
}

/** The commands that the shell takes, for completion. */
export function shellOutline(): ProgramOutline {
  return outlineOf(buildProgram("shell", "", { text: "" }));
}

/** What the shell's HELP prints without an argument. */
export function shellHelp(): string {
  const program = buildProgram("shell", "", { text: "" });
  const rows: (readonly [string, string])[] = [
    ...program.commands.map((command) => [usageOf(command, "shell"), command.summary()] as const),
    ["HELP [command]", "explain a command and its options"],
    ["QUIT", "leave (also EXIT and Ctrl-D)"],
  ];
  const width = Math.max(...rows.map(([usage]) => usage.length));
  const list = rows.map(([usage, summary]) => `  ${usage.padEnd(width)}  ${summary}\n`).join("");
  return `${list}
Commands may be in any case. Quote what has blanks: PUT greeting "hello, world". In double quotes \\n is a
line break and \\xNN a byte; single quotes take everything as it is. A line that begins with # is a comment.
`;
}

function buildProgram(audience: Audience, version: string, chosen: Chosen): Command {
  const program = new Command("titan");
  program
    .description("Talks to Titan, a key-value store. Without a command it is an interactive shell.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void (chosen.text += text),
      writeErr: () => {},
    })
    .configureHelp({
      showGlobalOptions: true,
      commandUsage: (command) => (command === program ? PROGRAM_USAGE : usageOf(command, audience)),
      subcommandTerm: (command) => termOf(command),
      subcommandDescription: (command: Command) => command.summary() || command.description(),
    } satisfies Partial<Help>);
  program.helpCommand("help [command]", "explain a command");
  if (audience === "command") {
    declareRunSettings(program);
    program.version(version).addHelpText("after", EXIT_CODES);
  }
  declareSettings(program);
  const grammar = {
    isShell: audience === "shell",
    submit: (work: Work): void => void (chosen.work = work),
    print: (text: string): void => void (chosen.text += text),
  };
  for (const register of COMMANDS) register(program, grammar);
  return program;
}

const PROGRAM_USAGE = "titan [options] [command]";

function usageOf(command: Command, audience: Audience): string {
  const name = audience === "shell" ? command.name().toUpperCase() : `titan ${command.name()}`;
  return `${name} ${command.usage()}`.trimEnd();
}

function termOf(command: Command): string {
  return `${command.name()} ${command.usage()}`.replace(/ \[options\]$/, "").trimEnd();
}

function messageOf(error: CommanderError, args: readonly string[], audience: Audience): string {
  const list = audience === "shell" ? "HELP" : "titan help";
  // Commander answers `help nonsense` with all of its help, as an error without words.
  if (error.code === "commander.help")
    return `no command is called '${args[1]}'; ${list} lists them`;
  const hints: Readonly<Record<string, string>> = {
    "commander.excessArguments": '; quote what has blanks: "hello, world"',
    "commander.unknownOption": "; put -- before arguments that begin with a dash",
    "commander.unknownCommand": `; ${list} lists the commands`,
  };
  // Commander adds "(Did you mean …?)" on a line of its own; the hint goes before that.
  const [what = "", ...suggestion] = error.message.replace(/^error: /, "").split("\n");
  return [what.replace(/\.$/, "") + (hints[error.code] ?? ""), ...suggestion].join("\n");
}

const EXIT_CODES = `
Exit codes:
  0  done                           4  no server could be reached or none answered in time;
  1  the server refused, or failed     a write did not happen
  2  the command line is wrong      5  it is not known whether the write happened
  3  the key is not there           6  cas, txn: not as expected
                                    7  doctor: there is a problem

  121  lock: not free in time       122  lock: lost while the command ran

'titan help <command>' explains a command. TITAN_ENDPOINTS names servers, NO_COLOR turns colours off.
`;
