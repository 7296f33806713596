/** Turns what the store throws into errors of the key-value layer. */
import { KvError, type KvErrorCode, type Outcome } from "./kv-error.js";

/** The shape of a store's error. Tested by code and not by class: two copies of it may be installed. */
interface StoreFailure extends Error {
  readonly code: string;
  readonly outcome?: "applied" | Outcome | undefined;
  readonly file?: string | undefined;
  readonly offset?: number | undefined;
}

/** What a store code means to a caller. */
interface Meaning {
  readonly code: KvErrorCode;
  readonly message: string;
}

const POISONED: Meaning = {
  code: "STORE_FAILED",
  message: "a write to the node's disk failed; it refuses everything until it is restarted",
};

/** What is not here is a defect of the server. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  [
    "BITCASK_DISK_FULL",
    { code: "DISK_FULL", message: "no space is left on the node's disk: free some; reads go on" },
  ],
  [
    "BITCASK_OVERLOADED",
    { code: "OVERLOADED", message: "too many writes wait for the disk; nothing was done" },
  ],
  [
    "BITCASK_TOO_MANY_SNAPSHOTS",
    { code: "OVERLOADED", message: "too many scans are open in the store; nothing was done" },
  ],
  [
    "BITCASK_TOO_MANY_FILES",
    { code: "OVERLOADED", message: "the node is out of file descriptors; nothing was done" },
  ],
  [
    "BITCASK_INDEX_FULL",
    { code: "INDEX_FULL", message: "the store holds as many keys as it can: delete some" },
  ],
  [
    "BITCASK_READ_FAILED",
    { code: "READ_FAILED", message: "a read of the node's disk failed; its log says where" },
  ],
  ["BITCASK_WRITE_FAILED", POISONED],
  ["BITCASK_SYNC_FAILED", POISONED],
  ["BITCASK_CLOSED", { code: "NOT_SERVING", message: "the node is stopping" }],
  [
    "BITCASK_CORRUPT",
    { code: "CORRUPT", message: "a record on the node's disk is damaged; its log says where" },
  ],
]);

/**
 * The error to answer with, or `undefined` when `error` is none that the store throws on purpose.
 * A {@link KvError} is itself.
 */
export function toKvError(error: unknown): KvError | undefined {
  if (error instanceof KvError) return error;
  if (!isStoreFailure(error)) return undefined;
  const meaning = MEANINGS.get(error.code);
  if (meaning === undefined) return undefined;
  const metadata: Record<string, string> = {};
  if (error.file !== undefined) metadata["file"] = baseName(error.file);
  if (error.offset !== undefined) metadata["offset"] = String(error.offset);
  return new KvError(
    { ...meaning, metadata, outcome: error.outcome === "not-applied" ? "not-applied" : "unknown" },
    { cause: error },
  );
}

function isStoreFailure(error: unknown): error is StoreFailure {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

/** A client needs the file's name, not where the node keeps it. */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
