/** What is measured, and what comes back: the words between the bench and its processes. */
import type { Measurement } from "../closed-loop.js";

export type Operation = "write" | "read";

/** Asks a member to work. */
export type Order =
  | { readonly type: "lead" }
  | {
      readonly type: "measure";
      readonly operation: Operation;
      readonly callers: number;
      readonly durationMs: number;
    };

/** What a member measured. */
export interface Work extends Measurement {
  /** Fdatasyncs of this member's log meanwhile. */
  readonly syncs: number;
}

export const VALUE_BYTES = 128;
