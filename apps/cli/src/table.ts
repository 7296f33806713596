/** Tables in text. */
import { stripVTControlCharacters } from "node:util";
import type { Colors } from "./colors.js";

/** Columns as wide as what is in them; colours take no room. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { dim }: Pick<Colors, "dim">,
): string {
  const widthOf = (text: string): number => stripVTControlCharacters(text).length;
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => widthOf(row[at] ?? ""))),
  );
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => cell + " ".repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell))))
      .join("  ")
      .trimEnd();
  return [dim(lineOf(head)), ...rows.map(lineOf)].map((line) => `${line}\n`).join("");
}
