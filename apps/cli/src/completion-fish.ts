/** Completion for fish, 3.0 and later. */
import type { CommandOutline, OptionOutline, ProgramOutline } from "./outline.js";

export function fishCompletion({ options, commands }: ProgramOutline): string {
  const verbs = commands.flatMap(({ names }) => names).join(" ");
  const lines = [
    "# Completion of titan for fish, as 'titan completion fish' prints it.",
    "function __titan_wants_command",
    `    not __fish_seen_subcommand_from ${verbs}`,
    "end",
    "complete -c titan -f",
    ...options.map((option) => optionLine(option)),
    ...commands.flatMap(({ names, summary }) =>
      names.map(
        (name) => `complete -c titan -n __titan_wants_command -a ${name} -d ${quoted(summary)}`,
      ),
    ),
    ...commands.flatMap(commandLines),
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines({ names, options, args }: CommandOutline): string[] {
  const isNamed = `__fish_seen_subcommand_from ${names.join(" ")}`;
  const places = args.flatMap(({ value }) => {
    switch (value.kind) {
      case "choice": {
        const choices = value.choices.join(" ");
        const isOpen = `${isNamed}; and not __fish_seen_subcommand_from ${choices}`;
        // What `help` explains are commands, of which it is one.
        const condition = value.choices.includes(names[0] ?? "") ? isNamed : isOpen;
        return [`complete -c titan -n ${quoted(condition)} -a ${quoted(choices)}`];
      }
      case "file":
        return [`complete -c titan -n ${quoted(isNamed)} -F`];
      case "command": {
        const isBegun = `${isNamed}; and contains -- -- (commandline -opc)`;
        return [`complete -c titan -n ${quoted(isBegun)} -F -a '(__fish_complete_command)'`];
      }
      case "key":
      case "other":
        return [];
    }
  });
  return [...options.map((option) => optionLine(option, isNamed)), ...places];
}

function optionLine({ names, description, value }: OptionOutline, condition?: string): string {
  const flags = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const when = condition === undefined ? [] : [`-n ${quoted(condition)}`];
  const values: string[] = [];
  if (value?.kind === "file") values.push("-r -F");
  else if (value?.kind === "choice") values.push(`-x -a ${quoted(value.choices.join(" "))}`);
  else if (value !== undefined) values.push("-x");
  return ["complete -c titan", ...when, ...flags, ...values, `-d ${quoted(description)}`].join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
