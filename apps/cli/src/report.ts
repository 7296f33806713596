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
import { exitCodeOfServerReport, type ServerReport } from "./server-report.js";

/** What the commands use of a client that takes and gives bytes. */
export type ByteClient = Omit<
  TitanClient<Uint8Array, Uint8Array>,
  "election" | "getMany" | "keyspace" | "lease" | "lock" | "putMany" | "tryLock" | "withValues"
> & {
  keyspace(name: string): ByteClient;
};
export type ByteEntry = Entry<Uint8Array, Uint8Array>;
export type ByteKeyEntry = KeyEntry<Uint8Array>;
export type ByteChange = Exclude<
  WatchEvent<Uint8Array, Uint8Array> | KeyWatchEvent<Uint8Array>,
  { readonly type: "progress" }
>;

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
    };

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
    case "stored":
    case "value":
    case "deleted":
    case "batch-applied":
    case "swapped":
    case "counter":
    case "entry":
    case "scanned":
    case "change":
    case "watched-to":
    case "missing-in-txn":
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
