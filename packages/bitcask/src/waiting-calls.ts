/**
 * Writes that are kept outside while the queue is full, in the order of the calls.
 *
 * Bounds: bytes (`maxBytes`; further writes are refused, but one waits alone whatever its size), and
 * calls, which the write queue counts. Syncs hold no bytes, and those next to each other share a place.
 */
import { toBytes } from "./bytes.js";
import { BitcaskError } from "./errors.js";
import type { SyncMode } from "./options.js";
import { mostBytes } from "./record-buffer.js";
import { EXPIRY_BYTES, RECORD_HEADER_BYTES } from "./record-format.js";
import type { CohortKind } from "./write-cohort.js";
import type { QueuedRecord } from "./write-segment.js";

/** What a call may take up: bytes at most, strings not being encoded yet; of puts, keys and their bytes. */
export interface WriteSize {
  readonly bytes: number;
  readonly keys: number;
  readonly keyBytes: number;
}

/** A call that waits outside, its strings encoded. */
export interface WaitingCall {
  readonly kind: CohortKind;
  readonly sync: SyncMode;
  readonly records: readonly QueuedRecord[];
  readonly size: WriteSize;
  readonly answer: Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class WaitingCalls {
  private readonly maxBytes: number;
  private calls: WaitingCall[] = [];
  /** Bytes that the records of all calls take up. */
  bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get count(): number {
    return this.calls.length;
  }

  /**
   * Takes a call behind the others.
   * @returns its answer
   * @throws BitcaskError `BITCASK_INVALID_STRING`, `BITCASK_OVERLOADED`; nothing has changed
   */
  add(
    kind: CohortKind,
    records: readonly QueuedRecord[],
    size: WriteSize,
    sync: SyncMode,
  ): Promise<unknown> {
    const last = this.calls.at(-1);
    if (kind === "sync" && last?.kind === "sync") return last.answer;
    const encoded = records.map(toEncoded);
    const { bytes } = sizeOf(encoded);
    if (bytes > 0 && this.bytes > 0 && this.bytes + bytes > this.maxBytes) throw this.overloaded();
    let resolve!: WaitingCall["resolve"];
    let reject!: WaitingCall["reject"];
    const answer = new Promise<unknown>((...settlers) => {
      [resolve, reject] = settlers;
    });
    const call = { kind, sync, records: encoded, size: { ...size, bytes }, answer };
    this.calls.push({ ...call, resolve, reject });
    this.bytes += bytes;
    return answer;
  }

  /** Gives calls to `admit`, in order, while `fits` says so of their bytes. */
  admitWhile(fits: (bytes: number) => boolean, admit: (call: WaitingCall) => void): void {
    let admitted = 0;
    for (const call of this.calls) {
      if (!fits(call.size.bytes)) break;
      admit(call);
      this.bytes -= call.size.bytes;
      admitted += 1;
    }
    if (admitted > 0) this.calls.splice(0, admitted);
  }

  /** Gives out all calls, and forgets them. */
  drain(): WaitingCall[] {
    const { calls } = this;
    this.calls = [];
    this.bytes = 0;
    return calls;
  }

  private overloaded(): BitcaskError {
    return new BitcaskError({
      code: "BITCASK_OVERLOADED",
      message: `${this.bytes} bytes of writes wait outside (maxWaitingBytes); await earlier ones`,
      outcome: "not-applied",
    });
  }
}

export function sizeOf(records: readonly QueuedRecord[]): WriteSize {
  const size = { bytes: 0, keys: 0, keyBytes: 0 };
  for (const { key, value } of records) {
    const keyBytes = mostBytes(key);
    size.bytes += RECORD_HEADER_BYTES + EXPIRY_BYTES + keyBytes + mostBytes(value);
    if (value === undefined) continue;
    size.keys += 1;
    size.keyBytes += keyBytes;
  }
  return size;
}

/** Strings are encoded, and refused, at the call, also when the write has to wait. */
function toEncoded({ key, value, expiresAt }: QueuedRecord): QueuedRecord {
  return {
    key: toBytes(key, "key"),
    value: value === undefined ? undefined : toBytes(value, "value"),
    expiresAt,
  };
}
