/** What only `titan lock` can fail with. */
import type { Outcome } from "@titan/client";
import type { OwnExitCode } from "./exit-codes.js";

export type LockFailureCode = "LOCK_NOT_FREE" | "LOCK_LOST" | "NOT_STARTED";

type LockFailureInit = Pick<LockFailure, "code" | "message" | "advice" | "outcome" | "exitCode">;

export class LockFailure extends Error {
  override readonly name: string = "LockFailure";
  readonly code: LockFailureCode | "CLIENT_TIMEOUT";
  readonly advice: string | undefined;
  /** Whether the lock may have been taken, or the command may have done something. */
  readonly outcome: Outcome;
  readonly exitCode: OwnExitCode;

  constructor({ code, message, advice, outcome, exitCode }: LockFailureInit) {
    super(message);
    this.code = code;
    this.advice = advice;
    this.outcome = outcome;
    this.exitCode = exitCode;
  }
}
