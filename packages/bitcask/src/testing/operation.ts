/** The calls that a file system gets, as observers and fault rules see them. */

/** Calls that change what is on the disk; before each of them lies a crash point. */
export const CHANGES = [
  "create",
  "write",
  "sync",
  "truncate",
  "make-directory",
  "remove-directory",
  "rename",
  "link",
  "unlink",
  "sync-directory",
] as const;

/** Calls that change nothing. Closing a handle is not an operation: it cannot fail here. */
export const QUERIES = ["open", "read", "size", "list", "stat", "free-bytes"] as const;

export type OperationKind = (typeof CHANGES)[number] | (typeof QUERIES)[number];

/** One call. */
export interface Operation {
  /** Position among all operations of this file system; the first is 1. */
  readonly number: number;
  readonly kind: OperationKind;
  /** Absolute path that the call names; for a handle the path under which it was opened. */
  readonly path: string;
  /** Second path of `rename` and `link`. */
  readonly to?: string;
  /** Offset in bytes of `read` and `write`; the new size for `truncate`. */
  readonly position?: number;
  /** Bytes of `read` and `write`. */
  readonly length?: number;
}

/** What a call is, before it has got its number. */
export type OperationRequest = Omit<Operation, "number">;

/** Whether the operation changes the disk, or makes a change durable. */
export function isChange(operation: Pick<Operation, "kind">): boolean {
  return (CHANGES as readonly string[]).includes(operation.kind);
}
