/** Counts as options take them. */
import { UsageError } from "../usage-error.js";

/** Reads a whole number from 1 on. @throws UsageError that names `option` */
export function parseCount(option: string): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (/^\d+$/.test(text) && count >= 1 && Number.isSafeInteger(count)) return count;
    throw new UsageError(`${option} takes a whole number from 1 on, not '${text}'`);
  };
}
