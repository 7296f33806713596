/** Which keys a command is about: a prefix, two bounds. */
import { decodeArgument } from "../encoding.js";
import { checkBound } from "../key.js";
import { UsageError } from "../usage-error.js";
import type { CommandContext } from "./command.js";

export interface RangeFlags {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
}

export interface ByteRange {
  readonly prefix: Uint8Array | undefined;
  readonly start: Uint8Array | undefined;
  readonly end: Uint8Array | undefined;
}

/** @param prefix the argument. @throws UsageError */
export function toRange(
  prefix: string | undefined,
  flags: RangeFlags,
  { encodings }: Pick<CommandContext, "encodings">,
): ByteRange {
  if (prefix !== undefined && flags.prefix !== undefined) {
    throw new UsageError("give the prefix once: as an argument or with --prefix");
  }
  const bound = (text: string | undefined, what: string): Uint8Array | undefined =>
    text === undefined ? undefined : checkBound(decodeArgument(text, encodings.key, what), what);
  return {
    prefix: bound(prefix ?? flags.prefix, "prefix"),
    start: bound(flags.start, "start"),
    end: bound(flags.end, "end"),
  };
}
