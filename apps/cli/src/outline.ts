/** The commands, their options and arguments, as completion needs them: read from the program itself. */
import type { Argument, Command, Option } from "commander";

/** What stands behind an option or in an argument's place. */
export type ValueOutline =
  /** One of these. */
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "file" | "key" }
  /** A command of the system, with arguments of its own. */
  | { readonly kind: "command" }
  /** Nobody can guess. */
  | { readonly kind: "other" };

export interface OptionOutline {
  /** `-f`, `--file`. Not empty. */
  readonly names: readonly string[];
  readonly description: string;
  /** `undefined`: the option stands alone. */
  readonly value: (ValueOutline & { readonly name: string }) | undefined;
}

export interface ArgumentOutline {
  readonly name: string;
  readonly value: ValueOutline;
}

export interface CommandOutline {
  /** Its name, then its aliases. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Without those of the program. */
  readonly options: readonly OptionOutline[];
  readonly args: readonly ArgumentOutline[];
}

export interface ProgramOutline {
  /** These fit any command. */
  readonly options: readonly OptionOutline[];
  readonly commands: readonly CommandOutline[];
}

/** In order of help, `help` included. */
export function outlineOf(program: Command): ProgramOutline {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const names = commands.flatMap((command) => [command.name(), ...command.aliases()]);
  const options = help.visibleOptions(program).map(outlineOfOption);
  // Each command has --help once more.
  const isEverywhere = ({ names }: OptionOutline): boolean =>
    options.some((option) => option.names.join() === names.join());
  const optionsOf = (command: Command): OptionOutline[] =>
    help
      .visibleOptions(command)
      .map(outlineOfOption)
      .filter((option) => !isEverywhere(option));
  return {
    options,
    commands: commands.map((command) => ({
      names: [command.name(), ...command.aliases()],
      summary: command.summary() || command.description(),
      options: optionsOf(command),
      args: command.registeredArguments.map((argument) => ({
        name: argument.name(),
        // `help` is commander's own, and takes one of ours.
        value: command.name() === "help" ? { kind: "choice", choices: names } : valueOf(argument),
      })),
    })),
  };
}

function outlineOfOption(option: Option): OptionOutline {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const name = /<(.+)>/.exec(option.flags)?.[1];
  const value = name === undefined ? undefined : { ...kindOf(name, option.argChoices), name };
  return { names, description: option.description, value };
}

function valueOf(argument: Argument): ValueOutline {
  return kindOf(argument.name(), argument.argChoices);
}

/** The placeholder in the help says to a person, too, what is meant. */
function kindOf(name: string, choices: readonly string[] | undefined): ValueOutline {
  if (choices !== undefined) return { kind: "choice", choices };
  if (name === "path" || name === "file") return { kind: "file" };
  if (name === "key" || name === "prefix") return { kind: "key" };
  return { kind: name === "command" ? "command" : "other" };
}
