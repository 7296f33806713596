/** What commands have to say, before anyone decides how to say it. */
import type {
  Entry,
  KeyEntry,
  KeyWatchEvent,
  TitanClient,
  WatchEvent,
  WatchPosition,
} from "@titan/client";
import { type BenchReport, exitCodeOfBenchReport } from "./bench-report.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import type { Failure } from "./failure.js";
import { exitCodeOfServerReport, type ServerReport } from "./server-report.js";

/** What the commands use of a client that takes and gives bytes. */
export type ByteClient = Omit<
  TitanClient<Uint8Array, Uint8Array>,
  "election" | "getMany" | "keyspace" | "lease" | "putMany" | "withValues"
> & {
  keyspace(name: string): ByteClient;
};
export type ByteEntry = Entry<Uint8Array, Uint8Array>;
export type ByteKeyEntry = KeyEntry<Uint8Array>;
export type ByteChange = Exclude<
  WatchEvent<Uint8Array, Uint8Array> | KeyWatchEvent<Uint8Array>,
  { readonly type: "progress" }
>;

/** How far work of many steps is. */
export interface Progress {
  readonly entries: number;
  readonly bytes: number;
  /** `undefined`: nobody knows. */
  readonly totalBytes: number | undefined;
  readonly elapsedMs: number;
  /** Whether the answer itself goes to standard output meanwhile. */
  readonly isBesideAnswer: boolean;
}

export type Report =
  | ServerReport
  | BenchReport
  | { readonly kind: "stored"; readonly key: Uint8Array; readonly revision: number }
  | { readonly kind: "value"; readonly entry: ByteEntry; readonly raw: boolean }
  | { readonly kind: "missing"; readonly key: Uint8Array }
  | { readonly kind: "deleted"; readonly key: Uint8Array; readonly existed: boolean }
  | { readonly kind: "not-deleted"; readonly key: Uint8Array }
  | { readonly kind: "batch-applied"; readonly operationCount: number }
  | { readonly kind: "swapped"; readonly key: Uint8Array; readonly revision: number }
  | {
      readonly kind: "not-swapped";
      readonly key: Uint8Array;
      readonly current: ByteEntry | undefined;
    }
  | {
      readonly kind: "counter";
      readonly key: Uint8Array;
      readonly value: number;
      readonly revision: number;
    }
  | { readonly kind: "entry"; readonly entry: ByteEntry | ByteKeyEntry }
  | { readonly kind: "scanned"; readonly count: number }
  /** How far work of many steps is. */
  | { readonly kind: "progress"; readonly progress: Progress }
  /** One entry of an export, with its line end, for standard output. */
  | { readonly kind: "export-line"; readonly line: string }
  | {
      readonly kind: "exported";
      readonly entries: number;
      readonly bytes: number;
      /** `undefined`: the entries went to standard output. */
      readonly file: string | undefined;
    }
  | {
      readonly kind: "imported";
      readonly entries: number;
      readonly bytes: number;
      /** The entries were checked, not written. */
      readonly isDryRun: boolean;
    }
  | { readonly kind: "change"; readonly event: ByteChange }
  /** All changes up to there have been reported. */
  | {
      readonly kind: "watched-to";
      readonly position: WatchPosition;
      /** The watch has begun. */
      readonly isFirst: boolean;
    }
  | { readonly kind: "missing-in-txn"; readonly key: Uint8Array }
  | {
      readonly kind: "transacted";
      readonly succeeded: boolean;
      readonly revision: number;
      readonly operationCount: number;
    }
  /** Somebody else holds the lock. */
  | { readonly kind: "lock-awaited"; readonly key: Uint8Array }
  | { readonly kind: "lock-taken" }
  | {
      readonly kind: "lock-not-released";
      readonly key: Uint8Array;
      /** After so long it is free at the latest. */
      readonly ttlMs: number;
      readonly failure: Failure;
    }
  /** What `lock` has run. */
  | { readonly kind: "command-ended"; readonly exitCode: ExitCode };

/** What a command that reported this ends with. */
export function exitCodeOf(report: Report): ExitCode {
  switch (report.kind) {
    case "missing":
    case "not-deleted":
      return EXIT.notFound;
    case "not-swapped":
      return EXIT.conditionNotMet;
    case "transacted":
      return report.succeeded ? EXIT.ok : EXIT.conditionNotMet;
    case "command-ended":
      return report.exitCode;
    case "stored":
    case "value":
    case "deleted":
    case "batch-applied":
    case "swapped":
    case "counter":
    case "entry":
    case "scanned":
    case "progress":
    case "export-line":
    case "exported":
    case "imported":
    case "change":
    case "watched-to":
    case "missing-in-txn":
    case "lock-awaited":
    case "lock-taken":
    case "lock-not-released":
      return EXIT.ok;
    case "status":
    case "no-status":
    case "status-look":
    case "members":
    case "shards":
    case "ordered":
    case "keyspaces":
    case "diagnosed":
      return exitCodeOfServerReport(report);
    case "bench-begun":
    case "bench-ended":
    case "bench-keys-left":
      return exitCodeOfBenchReport(report);
  }
}
