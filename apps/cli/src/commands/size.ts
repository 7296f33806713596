/** Sizes as options take them: `100`, `4KiB`, `1MiB`. */
import { UsageError } from "../usage-error.js";

const UNIT_BYTES: Readonly<Record<string, number>> = { "": 1, KiB: 1024, MiB: 1024 * 1024 };

/** Whole bytes in `text`, from 0 to `max`. @throws UsageError that names `option` */
export function parseSize(text: string, option: string, max: number): number {
  const match = /^(\d+)(KiB|MiB|)$/.exec(text);
  if (match === null) {
    throw new UsageError(`${option} takes a size, such as 100, 4KiB or 1MiB, not '${text}'`);
  }
  const bytes = Number(match[1]) * (UNIT_BYTES[match[2] ?? ""] ?? 1);
  if (bytes > max) throw new UsageError(`${option} is at most ${max} bytes, not ${text}`);
  return bytes;
}
