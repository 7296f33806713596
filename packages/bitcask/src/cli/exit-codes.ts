/** What the command ends with. The numbers are API: scripts test them. */
export const EXIT = Object.freeze({
  /** Done. Also when the reader of the output went away early, as in `bitcask dump … | head -1`. */
  ok: 0,
  /** It could not be done; the message says why, and what was done before. */
  failed: 1,
  /** The command line is wrong; nothing was done. */
  usage: 2,
  /** `verify` found damage, or `repair` had to leave something behind. */
  damaged: 3,
  /** Another process has the store open. */
  locked: 4,
} as const);

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
