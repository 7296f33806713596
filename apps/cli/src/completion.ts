/** What Tab offers in the shell: commands, their options, and keys that exist. */
import { Buffer } from "node:buffer";
import type { CommandOutline, OptionOutline } from "./outline.js";
import { printable } from "./printable.js";
import { shellOutline } from "./program.js";
import type { ByteClient } from "./report.js";

/** Most keys offered at once, and how long Tab waits for them. */
const MAX_KEYS = 50;
const KEYS_TIMEOUT_MS = 500;

/** What readline expects: the candidates, and the part of the line that they replace. */
export type Completion = [candidates: string[], replaced: string];

/** Completes `line`, the text before the cursor. May reject when the server does not answer. */
export async function completeLine(
  line: string,
  client: Pick<ByteClient, "scan">,
): Promise<Completion> {
  const words = line.trimStart().split(/[ \t]+/);
  const current = words.at(-1) ?? "";
  const verb = words[0]?.toLowerCase() ?? "";
  if (words.length === 1) return [completeVerb(current), current];
  if (verb === "help" && words.length === 2) return [completeVerb(current), current];
  if (current.startsWith("-")) {
    const begun = optionNames(verb).filter((name) => name.startsWith(current));
    return [begun.map((name) => `${name} `), current];
  }
  // A word with quotes or escapes in it cannot be continued by appending plain text.
  if (
    words.length !== 2 ||
    commandOf(verb)?.args[0]?.value.kind !== "key" ||
    /["'\\]/.test(current)
  )
    return [[], current];
  return [await completeKey(current, client), current];
}

function commandOf(verb: string): CommandOutline | undefined {
  return shellOutline().commands.find(({ names }) => names.includes(verb));
}

/** Long names of the options that `verb` takes; none when there is no such command. */
function optionNames(verb: string): string[] {
  const options: readonly OptionOutline[] = commandOf(verb)?.options ?? [];
  const all = options.length === 0 ? [] : [...options, ...shellOutline().options];
  return all.flatMap(({ names }) => names).filter((name) => name.startsWith("--"));
}

function completeVerb(begun: string): string[] {
  const isLower = begun !== "" && begun === begun.toLowerCase();
  const names = shellOutline().commands.flatMap((command) => command.names);
  return [...names, "quit", "exit"]
    .filter((name) => name.startsWith(begun.toLowerCase()))
    .map((name) => `${isLower ? name : name.toUpperCase()} `);
}

async function completeKey(begun: string, client: Pick<ByteClient, "scan">): Promise<string[]> {
  const keys: string[] = [];
  const prefix = Buffer.from(begun);
  const signal = AbortSignal.timeout(KEYS_TIMEOUT_MS);
  for await (const { key } of client.scan({ prefix, limit: MAX_KEYS, keysOnly: true, signal })) {
    keys.push(quoteWord(key));
  }
  return keys;
}

/** `key` as one word of the shell: plain where that is enough, else in double quotes. */
export function quoteWord(key: Uint8Array): string {
  const text = printable(key);
  if (/^[^\s"'\\#-][^\s"'\\]*$/.test(text)) return text;
  return `"${text.replaceAll('"', '\\"')}"`;
}
