/** Errors of the operating system, told in the store's own codes with the original as `cause`. */
import {
  BitcaskError,
  type BitcaskErrorCode,
  isBitcaskError,
  type WriteOutcome,
} from "./errors.js";

const KNOWN: Readonly<Record<string, { code: BitcaskErrorCode; advice: string }>> = {
  ENOSPC: { code: "BITCASK_DISK_FULL", advice: "free some space" },
  EDQUOT: { code: "BITCASK_DISK_FULL", advice: "the quota is used up" },
  EMFILE: { code: "BITCASK_TOO_MANY_FILES", advice: "raise `ulimit -n` or lower maxOpenFiles" },
  ENFILE: { code: "BITCASK_TOO_MANY_FILES", advice: "the machine is out of file descriptors" },
  EACCES: { code: "BITCASK_ACCESS_DENIED", advice: "check owner and permissions" },
  EPERM: { code: "BITCASK_ACCESS_DENIED", advice: "check owner and permissions" },
  EROFS: { code: "BITCASK_ACCESS_DENIED", advice: "the file system is mounted read-only" },
};

/** The POSIX code of an operating system's error, such as `"ENOSPC"`. */
export function posixCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether a write that failed with `error` failed for want of space or descriptors. */
export function isShortage(error: unknown): boolean {
  const code = posixCode(error);
  return code === "ENOSPC" || code === "EDQUOT" || isOutOfDescriptors(error);
}

/** Whether a call failed before it began, because no file can be opened. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = posixCode(error);
  return code === "EMFILE" || code === "ENFILE";
}

/**
 * Why a file that is only a shortcut cannot be read: the store is then opened without it.
 * @throws what was caught when it is not of that file: descriptors or memory are short, say
 */
export function readFault(error: unknown): string {
  const code = posixCode(error) ?? "";
  const isOfTheFile = /^E[A-Z0-9]+$/.test(code) && code !== "ENOMEM" && !isOutOfDescriptors(error);
  if (!isOfTheFile) throw error;
  return `it cannot be read (${code})`;
}

/** `error` as a {@link BitcaskError}; one that already is comes back as it is. */
export function toBitcaskError(
  error: unknown,
  context: {
    /** What failed, as in "cannot …". */
    readonly action: string;
    readonly file: string;
    /** Code of anything but full disk, lack of descriptors or permission. */
    readonly otherwise: BitcaskErrorCode;
    readonly outcome?: WriteOutcome;
  },
): BitcaskError {
  if (isBitcaskError(error)) return error;
  const known = KNOWN[posixCode(error) ?? ""];
  const reason = error instanceof Error ? error.message : String(error);
  return new BitcaskError({
    code: known?.code ?? context.otherwise,
    message: `cannot ${context.action} ${context.file}: ${reason}${known ? `; ${known.advice}` : ""}`,
    outcome: context.outcome,
    file: context.file,
    cause: error,
  });
}
