/** Work of many steps that ended before its end. */
import type { Outcome } from "@titan/client";

/** How far it came. */
export interface SoFar {
  /** Where in the input the cause is, should the server have refused what stands there: `"line 3: "`. */
  readonly place?: string;
  /** In words, which follow the message of the cause. */
  readonly text: string;
  /** In numbers, for scripts. */
  readonly counts: Readonly<Record<string, number>>;
  /** Whether the writes that are not counted as done may have been. */
  readonly outcome: Outcome;
  /** What to do next, where that does not follow from the cause. */
  readonly advice?: string | undefined;
}

/** `cause` is why it ended, and says what to exit with. */
export class StoppedMidway extends Error {
  override readonly name: string = "StoppedMidway";
  readonly soFar: SoFar;

  constructor(cause: unknown, soFar: SoFar) {
    super(soFar.text, { cause });
    this.soFar = soFar;
  }
}
