/** A way to a store, as callers have it. */
export interface Way {
  put(key: Buffer, value: Buffer): Promise<unknown>;
  get(key: Buffer): Promise<unknown>;
}
