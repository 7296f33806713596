/** What a worker process is told, and what it answers. Plain data: it travels between processes. */
import type { StoreName } from "./engines/engine.js";

/** What is measured, or prepared, by one process. */
export type Phase =
  | { readonly kind: "load" }
  | { readonly kind: "durable-put"; readonly callers: number }
  | {
      readonly kind: "read";
      readonly keys: "uniform" | "zipf" | "missing";
      readonly cache: ValueCache;
    }
  | { readonly kind: "get-many"; readonly cache: ValueCache }
  /** Reads and updates, zipf, with a cache of a tenth. */
  | { readonly kind: "mix"; readonly readShare: number }
  | { readonly kind: "scan" }
  | { readonly kind: "remove" }
  | { readonly kind: "open" }
  | { readonly kind: "space" }
  /** Durable puts and gets while garbage is collected, by the same without. */
  | { readonly kind: "merge-latency" }
  /** Reads and writes of a store that keeps an order over keys, by those of one that does not. */
  | { readonly kind: "order-cost" }
  /** Reads of the system alone, without a store. */
  | { readonly kind: "read-floor" }
  /** Bytes and promises of a call. */
  | { readonly kind: "call-cost" };

/** Share of the values that the value cache may hold. */
export type ValueCache = "none" | "tenth" | "all";

export interface Job {
  readonly store: StoreName;
  readonly phase: Phase;
  /** Exists; holds `keys` keys already unless the phase writes its own. */
  readonly directory: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly seed: number;
  /** Time that a measurement lasts, in seconds. */
  readonly seconds: number;
}

/** Figures by name, e.g. `opsPerSecond`. */
export type Metrics = Readonly<Record<string, number>>;

export interface JobResult {
  readonly metrics: Metrics;
}

/** What a worker sends to its parent. */
export type JobMessage = { readonly result: JobResult } | { readonly error: string };
