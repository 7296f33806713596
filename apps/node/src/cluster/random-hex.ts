/** Names that nobody else draws. */
import type { Random } from "@titan/bitcask";

/** `digits` hex digits; 8 or a multiple of it. */
export function randomHex(random: Random, digits: number): string {
  let text = "";
  while (text.length < digits)
    text += random
      .nextInt(2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return text.slice(0, digits);
}
