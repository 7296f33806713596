/** What the command ends with. The numbers are API: scripts test them. */
export const EXIT = Object.freeze({
  /** Done. Also when the reader of the output went away early, as in `titan scan | head -1`. */
  ok: 0,
  /** The server refused, its answer made no sense, or something unforeseen happened. */
  failed: 1,
  /** The command line, a shell line or an input file is wrong; nothing was sent, or `import` says what was. */
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
  // Beside the codes of the command that it runs, `lock` has these; few commands use them themselves.
  /** `lock`: not free in time; the command was not run. */
  lockNotFree: 121,
  /** `lock`: lost while the command ran, which was ended. */
  lockLost: 122,
  /** `lock`: the command could not be run; as shells say it. */
  commandNotRun: 126,
  /** `lock`: there is no such command; as shells say it. */
  commandNotFound: 127,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const);

/** What the command itself has to say. */
export type OwnExitCode = (typeof EXIT)[keyof typeof EXIT];

declare const brand: unique symbol;
/** What a command that was run has ended with, 0 to 255. */
type ChildExitCode = number & { readonly [brand]: "ChildExitCode" };

export type ExitCode = OwnExitCode | ChildExitCode;

export function toChildExitCode(code: number): ChildExitCode {
  if (Number.isInteger(code) && code >= 0 && code <= 255) return code as ChildExitCode;
  throw new RangeError(`not an exit code: ${code}`);
}
