/** Counts as options take them. */
import { UsageError } from "../usage-error.js";

/** Reads a whole number from 1 to `max`. @throws UsageError that names `option` */
export function parseCount(
  option: string,
  max = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (/^\d+$/.test(text) && count >= 1 && count <= max) return count;
    if (count > max && max < Number.MAX_SAFE_INTEGER) {
      throw new UsageError(`${option} is at most ${max}, not ${text}`);
    }
    throw new UsageError(`${option} takes a whole number from 1 on, not '${text}'`);
  };
}
