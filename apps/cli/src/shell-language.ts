/** What lines of the shell mean. Pure. */
import type { Parsed } from "./program.js";
import { parseWords, shellHelp } from "./program.js";
import type { Settings } from "./settings.js";
import { type Token, tokenize } from "./tokenize.js";
import { UsageError } from "./usage-error.js";

export type ShellLine =
  | { readonly kind: "nothing" }
  | { readonly kind: "quit" }
  | Extract<Parsed, { kind: "work" | "text" }>;

/**
 * Parses one line. Verbs are taken in any case.
 * @throws UsageError
 */
export function parseShellLine(line: string, base: Settings): ShellLine {
  const tokens = withWholeValue(line, tokenize(line));
  const [verb, ...rest] = tokens.map((token) => token.text);
  if (verb === undefined) return { kind: "nothing" };
  const name = verb.toLowerCase();
  if (name === "quit" || name === "exit") {
    if (rest.length > 0) throw new UsageError(`${verb.toUpperCase()} takes no arguments`);
    return { kind: "quit" };
  }
  if (name === "help" && rest.length === 0) return { kind: "text", text: shellHelp() };
  const words =
    name === "help" ? [name, ...rest.map((word) => word.toLowerCase())] : [name, ...rest];
  const parsed = parseWords(words, { audience: "shell", base, version: "" });
  if (parsed.kind === "shell")
    throw new UsageError("a line begins with a command; HELP lists them");
  return parsed;
}

/**
 * `PUT key several plain words` stores the rest of the line, blanks between the words included. Only
 * when no word needs a decision: with a quote, a backslash or an option in it, quoting rules alone hold.
 */
function withWholeValue(line: string, tokens: readonly Token[]): readonly Token[] {
  const [verb, key, first, ...more] = tokens;
  const last = more.at(-1);
  if (verb?.text.toLowerCase() !== "put" || key === undefined || first === undefined || !last) {
    return tokens;
  }
  const isPlain = ({ text, start, end }: Token): boolean =>
    text === line.slice(start, end) && !text.startsWith("-");
  if (![key, first, ...more].every(isPlain)) return tokens;
  const value = { text: line.slice(first.start, last.end), start: first.start, end: last.end };
  return [verb, key, value];
}
