/** What may be asked of the key-value layer, and what it answers. The gRPC services translate to these. */
import type { Entry } from "./entry.js";
import type { Revision } from "./revision.js";

/** Stores a value. `ttlMs` 0: does not expire. */
export interface PutOperation {
  readonly type: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ttlMs: number;
}

/** Removes a key. */
export interface DeleteOperation {
  readonly type: "delete";
  readonly key: Uint8Array;
}

/** Reads a key inside a transaction; sees the writes before it. */
export interface GetOperation {
  readonly type: "get";
  readonly key: Uint8Array;
}

/** One step of a batch. */
export type WriteOperation = PutOperation | DeleteOperation;

/** One step of a transaction. */
export type TxnOperation = WriteOperation | GetOperation;

/** The state that a conditional write expects. */
export type Expectation =
  | { readonly type: "value"; readonly value: Uint8Array }
  | { readonly type: "revision"; readonly revision: number }
  | { readonly type: "absent"; readonly absent: boolean };

/** A conditional write of one key. `newValue` undefined: removes the key. */
export interface CompareAndSet {
  readonly keyspace: number;
  readonly key: Uint8Array;
  readonly expected: Expectation;
  readonly newValue: Uint8Array | undefined;
  readonly ttlMs: number;
}

/** Outcome of a {@link CompareAndSet}. */
export type CompareAndSetResult =
  | { readonly applied: true; readonly revision: Revision }
  | { readonly applied: false; readonly current: Entry | undefined };

/** How stored and named relate. */
export type CompareOperator = "equal" | "not-equal" | "less" | "greater";

/** One condition of a transaction. */
export type Compare = { readonly key: Uint8Array; readonly operator: CompareOperator } & (
  | { readonly type: "value"; readonly value: Uint8Array }
  | { readonly type: "revision"; readonly revision: number }
  | { readonly type: "exists"; readonly exists: boolean }
);

/** A conditional transaction. */
export interface Txn {
  readonly keyspace: number;
  readonly compares: readonly Compare[];
  readonly then: readonly TxnOperation[];
  readonly otherwise: readonly TxnOperation[];
}

/** What one step of a transaction gave. */
export type TxnStepResult =
  | { readonly type: "put" }
  | { readonly type: "delete"; readonly existed: boolean }
  | { readonly type: "get"; readonly entry: Entry | undefined };

/** Outcome of a {@link Txn}. */
export interface TxnResult {
  readonly succeeded: boolean;
  readonly results: readonly TxnStepResult[];
  /** Of the writes, or of the state that was read when there were none. */
  readonly revision: Revision;
}
