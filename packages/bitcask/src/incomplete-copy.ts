/**
 * A checkpoint or a restore marks its directory until the copy is complete. What bears the mark is no
 * store: it is never opened, so half a copy cannot pass for a whole one.
 */
import { BitcaskError } from "./errors.js";

export const INCOMPLETE_NAME = "copy.incomplete";

/** @throws BitcaskError `BITCASK_INCOMPLETE_COPY` */
export function assertComplete(directory: string, names: readonly string[]): void {
  if (!names.includes(INCOMPLETE_NAME)) return;
  throw new BitcaskError({
    code: "BITCASK_INCOMPLETE_COPY",
    message:
      `${directory} holds a checkpoint or restore that was interrupted (${INCOMPLETE_NAME} lies in ` +
      "it); remove the directory and make the copy again",
    file: directory,
  });
}
