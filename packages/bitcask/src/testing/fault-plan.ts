/** Faults that a test plants: which operation goes wrong, how, and how often. */
import type { FailedSyncPages } from "./memory-file.js";
import type { Operation, OperationKind } from "./operation.js";

/** How an operation goes wrong. */
export type Fault =
  /**
   * It fails with a POSIX code. Nothing happens, but for a write, of which the first `writtenBytes`
   * (default 0) are in the file, and for a sync, whose dirty pages fare as `pages` (default
   * `"dropped"`) says.
   */
  | {
      readonly type: "error";
      readonly code: string;
      readonly writtenBytes?: number;
      readonly pages?: FailedSyncPages;
    }
  /** A sync of a file or directory answers with success and does nothing: a disk that lies. */
  | { readonly type: "lying-sync" }
  /** A read succeeds with bit `bit` (0 to 7) of its byte `offset` turned over; the disk is intact. */
  | { readonly type: "flip-read"; readonly offset: number; readonly bit: number }
  /**
   * It takes `milliseconds` of the clock that the file system was given; `Infinity` hangs until the
   * power is cut. An asynchronous call waits for the clock, a blocking one moves it.
   */
  | { readonly type: "delay"; readonly milliseconds: number };

/** When a fault strikes. Every condition that is given must hold. */
export interface FaultRule {
  readonly fault: Fault;
  /** Only these operations. @default all */
  readonly kind?: OperationKind | readonly OperationKind[];
  /** Only paths that match. @default all */
  readonly path?: RegExp;
  /** Only the operation of this number. */
  readonly number?: number;
  /** Matching operations to let through first. @default 0 */
  readonly skip?: number;
  /** Strikes before the rule is spent. @default 1 */
  readonly times?: number;
}

/** The rules in force; the first that matches an operation decides. */
export class FaultPlan {
  private readonly rules: { rule: FaultRule; skipsLeft: number; strikesLeft: number }[] = [];

  /** Adds a rule. @returns a function that takes it back */
  add(rule: FaultRule): () => void {
    const entry = { rule, skipsLeft: rule.skip ?? 0, strikesLeft: rule.times ?? 1 };
    this.rules.push(entry);
    return () => {
      entry.strikesLeft = 0;
    };
  }

  clear(): void {
    this.rules.length = 0;
  }

  /** The fault for `operation`, if any; uses up one strike. */
  take(operation: Operation): Fault | undefined {
    for (const entry of this.rules) {
      if (entry.strikesLeft <= 0 || !matches(entry.rule, operation)) continue;
      if (entry.skipsLeft > 0) {
        entry.skipsLeft -= 1;
        continue;
      }
      entry.strikesLeft -= 1;
      return entry.rule.fault;
    }
    return undefined;
  }
}

function matches(rule: FaultRule, operation: Operation): boolean {
  const kinds = typeof rule.kind === "string" ? [rule.kind] : rule.kind;
  if (kinds !== undefined && !kinds.includes(operation.kind)) return false;
  if (rule.path !== undefined && !rule.path.test(operation.path)) return false;
  return rule.number === undefined || rule.number === operation.number;
}
