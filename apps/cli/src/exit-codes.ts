/** What the command ends with. The numbers are API: scripts test them. */
export const EXIT = Object.freeze({
  /** Done. Also when the reader of the output went away early, as in `titan scan | head -1`. */
  ok: 0,
  /** The server refused, its answer made no sense, or something unforeseen happened. */
  failed: 1,
  /** The command line, a shell line or an input file is wrong; nothing was sent. */
  usage: 2,
  /** The key is not there. */
  notFound: 3,
  /** No server could be reached, or none answered in time. A write did not happen. */
  unavailable: 4,
  /** It is not known whether the write happened. */
  unknown: 5,
  /** `cas`: the key was not as expected; nothing was changed. */
  conditionNotMet: 6,
  /** `doctor`: there is a problem. */
  problemFound: 7,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const);

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
