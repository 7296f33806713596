/**
 * Finds scripts below a folder, whatever the folders in between are called, and plays each with the
 * driver of its kind: which one that is shows in its first command.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../support/seeded-random.js";
import { ConfChangeScript } from "./confchange-commands.js";
import { type Directive, parseScript } from "./datadriven.js";
import { playDirective } from "./interaction-commands.js";
import { InteractionEnv } from "./interaction-env.js";
import { playQuorum } from "./quorum-commands.js";

const QUORUM_COMMANDS: ReadonlySet<string> = new Set(["committed", "vote"]);
const CONFCHANGE_COMMANDS: ReadonlySet<string> = new Set(["simple", "enter-joint", "leave-joint"]);

/** A text without any output section, like a note on where the files come from, is no script. */
const OUTPUT_SECTION = /^----$/m;

/** @returns paths relative to `folder`, in order */
export function findScripts(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".txt") && !name.includes("node_modules"))
    .filter((name) => OUTPUT_SECTION.test(readFileSync(join(folder, name), "utf8")))
    .sort();
}

/** Plays `text` directive by directive. `seed` draws the timeouts that the script leaves open. */
export function* playScript(
  text: string,
  seed: number,
): Generator<{ readonly directive: Directive; readonly printed: string }> {
  const directives = parseScript(text);
  const play = playerOf(directives[0]?.command ?? "", seed);
  for (const directive of directives) yield { directive, printed: play(directive) };
}

function playerOf(command: string, seed: number): (directive: Directive) => string {
  if (QUORUM_COMMANDS.has(command)) return playQuorum;
  if (CONFCHANGE_COMMANDS.has(command)) {
    const script = new ConfChangeScript();
    return (directive) => script.play(directive);
  }
  const env = new InteractionEnv(seededRandom(seed));
  return (directive) => playDirective(env, directive);
}
