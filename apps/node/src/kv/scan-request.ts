/** Ranges of keys, page by page. */
import type { Entry } from "./entry.js";

/** Which keys, and how. Empty byte strings and zeros mean "not set". */
export interface ScanRequest {
  readonly keyspace: number;
  readonly prefix: Uint8Array;
  /** First key, included. */
  readonly start: Uint8Array;
  /** End, not included. */
  readonly end: Uint8Array;
  readonly reverse: boolean;
  /** Keys to stop after. */
  readonly limit: number;
  readonly keysOnly: boolean;
  /** Of an earlier page of the same range and direction. */
  readonly cursor: Uint8Array;
  /** Keys per page at most. */
  readonly pageSize: number;
}

/** One key of a page. The value is empty when only keys were asked for. */
export interface ScanEntry extends Entry {
  readonly key: Uint8Array;
}

/** One page. `cursor` is empty when the range holds no further key. */
export interface ScanPage {
  readonly entries: readonly ScanEntry[];
  readonly cursor: Uint8Array;
}
