import { Argument, type Command } from "commander";
import { bashCompletion } from "../completion-bash.js";
import { fishCompletion } from "../completion-fish.js";
import { zshCompletion } from "../completion-zsh.js";
import { outlineOf, type ProgramOutline } from "../outline.js";
import { UsageError } from "../usage-error.js";
import type { Grammar } from "./command.js";

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
const SHELLS = Object.keys(SCRIPTS);

export function registerCompletion(parent: Command, grammar: Grammar): void {
  // Ours completes by itself.
  if (grammar.isShell) return;
  const shell = new Argument("<shell>", "whose script to print").choices(SHELLS);
  parent
    .command("completion")
    .usage("<bash|zsh|fish>")
    .summary("print a script that completes commands and options")
    .description("Prints a script with which a shell completes commands, options and files.")
    .addArgument(shell.argParser(parseShell))
    .addHelpText("after", EXAMPLES)
    .action((script: (outline: ProgramOutline) => string) => {
      grammar.print(script(outlineOf(parent)));
    });
}

function parseShell(text: string): (outline: ProgramOutline) => string {
  const script = new Map<string, (outline: ProgramOutline) => string>(Object.entries(SCRIPTS));
  const chosen = script.get(text);
  if (chosen !== undefined) return chosen;
  throw new UsageError(`completion takes bash, zsh or fish, not '${text}'`);
}

const EXAMPLES = `
Examples:
  echo 'eval "$(titan completion bash)"' >> ~/.bashrc
  titan completion zsh > "\${fpath[1]}/_titan"
  titan completion fish > ~/.config/fish/completions/titan.fish
`;
