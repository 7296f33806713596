/** Whether the log may still be written. Once poisoned it stays so until it is opened anew. */

import { isShortage, posixCode, RaftWalError, reasonOf } from "./errors.js";

type FailedAction = "write" | "sync";

export class WalHealth {
  readonly #onPoisoned: ((error: RaftWalError) => void) | undefined;
  #failure: RaftWalError | undefined;

  constructor(onPoisoned: ((error: RaftWalError) => void) | undefined) {
    this.#onPoisoned = onPoisoned;
  }

  get isPoisoned(): boolean {
    return this.#failure !== undefined;
  }

  /** What every later write fails with; `undefined` while healthy. */
  refusal(): RaftWalError | undefined {
    const failure = this.#failure;
    if (failure === undefined) return undefined;
    const message = `the log was poisoned by an earlier failure: ${failure.message}`;
    return new RaftWalError({ code: "RAFT_WAL_POISONED", message }, { cause: failure });
  }

  /** Poisons the log. @returns the typed failure; whatever was under way has an unknown outcome */
  poison(action: FailedAction, file: string, cause: unknown): RaftWalError {
    const failure = new RaftWalError(
      {
        code: action === "sync" ? "RAFT_WAL_SYNC_FAILED" : "RAFT_WAL_WRITE_FAILED",
        message: `cannot ${action} ${file}: ${reasonOf(cause)}`,
        outcome: "unknown",
      },
      { cause },
    );
    if (this.#failure === undefined) {
      this.#failure = failure;
      this.#onPoisoned?.(failure);
    }
    return failure;
  }
}

/** A shortage as a typed refusal that leaves the log healthy; `undefined` for any other failure. */
export function toShortage(error: unknown, file: string): RaftWalError | undefined {
  if (!isShortage(error)) return undefined;
  const message = `no room for ${file} (${posixCode(error) ?? "shortage"}): ${reasonOf(error)}`;
  return new RaftWalError({ code: "RAFT_WAL_DISK_FULL", message }, { cause: error });
}
