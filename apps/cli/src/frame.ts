/**
 * A screenful that takes the place of the one before, without flicker: the cursor goes home (CUP),
 * each line is written over the old one and the rest of it erased (EL), then all that is below
 * (ED); ECMA-48, 8.3. Lines that are too long are cut by the terminal itself, whose wrapping is off
 * meanwhile (DECAWM).
 */
const HOME = "\u001b[H";
const ERASE_SCREEN = "\u001b[2J";
const ERASE_LINE = "\u001b[K";
const ERASE_BELOW = "\u001b[J";
const NO_WRAP = "\u001b[?7l";
const WRAP = "\u001b[?7h";

export interface FrameBounds {
  /** The first one takes the screen from what was there. */
  readonly isFirst: boolean;
  /** Lines of the screen; 0 or `undefined`: not known, nothing is left out. */
  readonly rows: number | undefined;
}

/** @param text lines, each ended by a line break. What does not fit is counted in the last line. */
export function frameText(text: string, { isFirst, rows }: FrameBounds): string {
  const lines = text.replace(/\n$/, "").split("\n");
  // The cursor needs a line below, or the screen would scroll.
  const room = rows === undefined || rows === 0 ? Number.POSITIVE_INFINITY : Math.max(1, rows - 1);
  const shown = lines.length <= room ? lines : cut(lines, room);
  const body = shown.map((line) => `${line}${ERASE_LINE}\n`).join("");
  return `${isFirst ? ERASE_SCREEN : ""}${NO_WRAP}${HOME}${body}${ERASE_BELOW}${WRAP}`;
}

function cut(lines: readonly string[], room: number): readonly string[] {
  const kept = lines.slice(0, room - 1);
  return [...kept, `… ${lines.length - kept.length} more lines; a taller terminal shows them`];
}
