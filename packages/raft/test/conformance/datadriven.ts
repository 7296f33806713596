/**
 * Reader of the script format that etcd/raft's data files are written in:
 *
 *     # a comment
 *     command arg key=value key=(a,b)
 *     input lines, if any
 *     ----
 *     expected output, up to a blank line
 *
 * Output that holds blank lines is put between `----` twice at both ends.
 */

export interface Argument {
  readonly key: string;
  /** None for a bare word. */
  readonly values: readonly string[];
}

export interface Directive {
  /** Line of the command in its file, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  /** Without the trailing newline. */
  readonly expected: string;
}

const SEPARATOR = "----";

export function parseScript(text: string): Directive[] {
  const lines = text.split("\n");
  const directives: Directive[] = [];
  let at = 0;
  while (at < lines.length) {
    const first = (lines[at] ?? "").trim();
    if (first === "" || first.startsWith("#")) {
      at += 1;
      continue;
    }
    const line = at + 1;
    let head = first;
    while (head.endsWith("\\")) {
      at += 1;
      head = `${head.slice(0, -1).trimEnd()} ${(lines[at] ?? "").trim()}`;
    }
    at += 1;
    const input: string[] = [];
    while (at < lines.length && lines[at] !== SEPARATOR) {
      input.push(lines[at] ?? "");
      at += 1;
    }
    if (at >= lines.length) throw new Error(`line ${line}: no ${SEPARATOR} after ${head}`);
    at += 1;
    const expected: string[] = [];
    if (lines[at] === SEPARATOR) {
      at += 1;
      while (at < lines.length && !(lines[at] === SEPARATOR && lines[at + 1] === SEPARATOR)) {
        expected.push(lines[at] ?? "");
        at += 1;
      }
      at += 2;
    } else {
      while (at < lines.length && (lines[at] ?? "").trim() !== "") {
        expected.push(lines[at] ?? "");
        at += 1;
      }
    }
    const { command, args } = parseCommandLine(head);
    directives.push({
      line,
      command,
      args,
      input: input.join("\n").trim(),
      expected: expected.join("\n"),
    });
  }
  return directives;
}

/** Splits at blanks that are not within parentheses. */
export function parseCommandLine(text: string): { command: string; args: Argument[] } {
  const words = text.match(/[^\s=]+=\([^)]*\)|[^\s]+/g) ?? [];
  const [command = "", ...rest] = words;
  return { command, args: rest.map(parseArgument) };
}

function parseArgument(word: string): Argument {
  const cut = word.indexOf("=");
  if (cut < 0) return { key: word, values: [] };
  const key = word.slice(0, cut);
  const value = word.slice(cut + 1);
  if (!value.startsWith("(")) return { key, values: [value] };
  const inner = value.slice(1, -1).trim();
  return { key, values: inner === "" ? [] : inner.split(",").map((one) => one.trim()) };
}
