/** Targets, and whether figures meet them. */
import { STORES, type StoreName } from "./engines/engine.js";

/** Peers that a ratio is taken to: one, the best of all, or the best but for lmdb. */
export type Reference = "lmdb" | "classic-level" | "best" | "rest";

export type Target =
  | { readonly kind: "ratio"; readonly atLeast: number; readonly to: Reference }
  /** In the row's unit. */
  | { readonly kind: "limit"; readonly atMost: number };

export const NO_TARGET: readonly Target[] = [];

export function atLeast(ratio: number, to: Reference): Target {
  return { kind: "ratio", atLeast: ratio, to };
}

export function atMost(limit: number): Target {
  return { kind: "limit", atMost: limit };
}

/** `actual` is Titan's ratio, or its figure; `undefined` when something to compare was not measured. */
export interface Verdict {
  readonly target: Target;
  readonly actual: number | undefined;
  readonly isMet: boolean | undefined;
}

/** @param figures medians by store; a higher one is better wherever there is a ratio */
export function judge(target: Target, figures: ReadonlyMap<StoreName, number>): Verdict {
  const own = figures.get("titan");
  if (own === undefined) return { target, actual: undefined, isMet: undefined };
  if (target.kind === "limit") return { target, actual: own, isMet: own <= target.atMost };
  const references = referencesOf(target.to).flatMap((store) => figures.get(store) ?? []);
  if (references.length === 0) return { target, actual: undefined, isMet: undefined };
  const actual = own / Math.max(...references);
  return { target, actual, isMet: actual >= target.atLeast };
}

function referencesOf(reference: Reference): readonly StoreName[] {
  switch (reference) {
    case "best":
      return STORES.filter((store) => store !== "titan");
    case "rest":
      return STORES.filter((store) => store !== "titan" && store !== "lmdb");
    case "lmdb":
    case "classic-level":
      return [reference];
  }
}
