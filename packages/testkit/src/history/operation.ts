/** What a client did to one key, when, and what it learnt of it. */

/** `undefined`: the key has no value. */
export type Value = string | undefined;

/** What was asked for. */
export type Action =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: string }
  | { readonly kind: "delete" }
  /** Replaces `expected` by `value`; `undefined` is "absent" in both. */
  | { readonly kind: "cas"; readonly expected: Value; readonly value: Value }
  /** Adds to a decimal number; a missing key counts as 0. */
  | { readonly kind: "increment"; readonly delta: number };

/** What the answer said. Fields that are left out were not told, and are not checked. */
export interface Answer {
  /** Of a get: what the key held. Of an increment: the number after it, as text. */
  readonly value?: Value;
  /** Of a delete: whether there was a value. */
  readonly existed?: boolean;
  /** Of a cas: whether the key was as expected. */
  readonly applied?: boolean;
  /** Of a cas that was not applied: what the key held instead. */
  readonly current?: { readonly value: Value };
}

/**
 * An operation on one key. Times are positions in the order in which one recorder saw things happen.
 * `answer` is undefined when it is not known whether the operation happened: then it may take effect at
 * any time after `invokedAt`, or never, and `returnedAt` is `Infinity`.
 */
export interface Operation {
  readonly id: number;
  readonly process: string;
  readonly key: string;
  readonly action: Action;
  readonly invokedAt: number;
  readonly returnedAt: number;
  readonly answer: Answer | undefined;
}
