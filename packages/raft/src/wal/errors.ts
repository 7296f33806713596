/** What the log refuses or reports. Callers test `code`, which is API; messages may change. */

import type { DamageReport } from "./damage.js";

export type RaftWalErrorCode =
  /** The call came after `close()`. */
  | "RAFT_WAL_CLOSED"
  /** Another process (or this one) has the directory open; the message names it. */
  | "RAFT_WAL_LOCKED"
  /** A write failed, or a file could not be made: the log is poisoned until it is opened anew. */
  | "RAFT_WAL_WRITE_FAILED"
  /** An fsync failed: the log is poisoned until it is opened anew. Nothing is retried. */
  | "RAFT_WAL_SYNC_FAILED"
  /** Refused because an earlier failure poisoned the log; `cause` is that failure. */
  | "RAFT_WAL_POISONED"
  /** No space (or descriptors) for another segment. Nothing was written; free some and go on. */
  | "RAFT_WAL_DISK_FULL"
  /** The operating system failed to read or list. Nothing is known to be damaged. */
  | "RAFT_WAL_READ_FAILED"
  /** Bytes that were durable are not what was written; `damage` says where and what is lost. */
  | "RAFT_WAL_DAMAGED"
  /** Written by a newer release. */
  | "RAFT_WAL_NEWER_FORMAT"
  /** The batch is larger than `maxBatchBytes`. */
  | "RAFT_WAL_BATCH_TOO_LARGE"
  /** Batches waiting for the disk already fill `maxQueuedBytes`. */
  | "RAFT_WAL_BACKLOG_FULL"
  /** The index in memory has reached `maxIndexBytes`: compact some group first. */
  | "RAFT_WAL_INDEX_FULL"
  /** The batch contradicts the log: a gap, a term that goes back, a changed vote, … */
  | "RAFT_WAL_INVALID_UPDATE";

/** What became of the write. `"unknown"`: it may or may not be there after the next open. */
export type WalOutcome = "not-applied" | "unknown";

interface RaftWalErrorInit {
  readonly code: RaftWalErrorCode;
  readonly message: string;
  readonly outcome?: WalOutcome;
  readonly damage?: DamageReport;
}

export class RaftWalError extends Error {
  override readonly name: string = "RaftWalError";
  readonly code: RaftWalErrorCode;
  readonly outcome: WalOutcome;
  /** With `RAFT_WAL_DAMAGED`. */
  readonly damage: DamageReport | undefined;

  constructor(init: RaftWalErrorInit, options?: ErrorOptions) {
    super(init.message, options);
    this.code = init.code;
    this.outcome = init.outcome ?? "not-applied";
    this.damage = init.damage;
  }
}

/** Recognises a {@link RaftWalError} by shape: two copies of the package may be installed. */
export function isRaftWalError(value: unknown): value is RaftWalError {
  return value instanceof Error && value.name === "RaftWalError" && "code" in value;
}

/** The POSIX code of an operating system's error, such as `"ENOSPC"`. */
export function posixCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether something failed for want of space or descriptors, and may work later. */
export function isShortage(error: unknown): boolean {
  const code = posixCode(error);
  return code === "ENOSPC" || code === "EDQUOT" || code === "EMFILE" || code === "ENFILE";
}

/** The words of any thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `error` as a failure to read; one that is typed already comes back as it is. */
export function toReadError(error: unknown, what: string): RaftWalError {
  if (isRaftWalError(error)) return error;
  const message = `cannot read ${what}: ${reasonOf(error)}`;
  return new RaftWalError({ code: "RAFT_WAL_READ_FAILED", message }, { cause: error });
}
