/** What is said between the contenders and what has started them. */

export interface ContenderOrders {
  readonly endpoints: readonly string[];
  readonly key: string;
  readonly ttlMs: number;
}

export type ContenderReport =
  /** It uses what the lock protects, as the holder that this token names. */
  | { readonly type: "use"; readonly token: number }
  /** It knows that it holds the lock no more. */
  | { readonly type: "lost" }
  | { readonly type: "failed"; readonly code: string }
  | { readonly type: "defect"; readonly message: string };
