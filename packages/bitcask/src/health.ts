/**
 * Whether the store may still be used. After a failed write or fsync nothing is known of the bytes in
 * flight, and a later fsync that succeeds proves nothing (fsyncgate; Rebello et al., ATC 2020): the
 * store stops until it is reopened, which reads back what is really there.
 */
import { BitcaskError, type WriteOutcome } from "./errors.js";

export class Health {
  private failure: BitcaskError | undefined;

  get isPoisoned(): boolean {
    return this.failure !== undefined;
  }

  /** Stops the store. The first failure stays the one reported. */
  poison(failure: BitcaskError): BitcaskError {
    this.failure ??= failure;
    return this.failure;
  }

  /** Stops the store after an error that it has no name for: nothing is known of its state. */
  poisonUnexpected(error: unknown): BitcaskError {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `a write failed for a reason that should not exist: ${reason}`;
    const code = "BITCASK_WRITE_FAILED";
    return this.poison(new BitcaskError({ code, message, cause: error, outcome: "unknown" }));
  }

  /** @throws BitcaskError with the code of the first failure, when there was one */
  assertSound(): void {
    if (this.failure !== undefined) throw this.refusal("not-applied");
  }

  /** The error for a call that meets a poisoned store. */
  refusal(outcome: WriteOutcome): BitcaskError {
    const failure = this.failure;
    if (failure === undefined) throw new Error("assertion: a sound store refuses nothing");
    return new BitcaskError({
      code: failure.code,
      message: `the store has stopped until it is reopened, because: ${failure.message}`,
      outcome,
      file: failure.file,
      cause: failure,
    });
  }
}
