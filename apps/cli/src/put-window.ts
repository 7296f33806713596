/**
 * Puts under way: many at once, within bounds of count and bytes, those of one key in the order of their lines.
 *
 * Each is a call of its own rather than a share of `putMany`, which does not say which of its entries failed. Those made in
 * one turn travel together all the same.
 */
import { Buffer } from "node:buffer";
import { setMaxListeners } from "node:events";
import type { PutEntry } from "@titan/client";
import { isClientError } from "./failure.js";
import type { ByteClient } from "./report.js";

const MAX_PUTS = 512;
/** Most bytes of keys and values at once; one entry may be larger, and then goes alone. */
const MAX_BYTES = 8 * 1024 * 1024;

type Put = PutEntry<Uint8Array>;

/** The put of a line that failed. */
export interface LineFailure {
  readonly line: number;
  readonly error: unknown;
}

export class PutWindow {
  /** Puts that are certainly done. */
  applied = 0;
  /** At most as many as were under way when the first one failed: none is begun after that. */
  readonly failures: LineFailure[] = [];
  // Invariant: `bytes` is the sum of the entries whose keys are in `underWay`.
  private readonly underWay = new Set<string>();
  private bytes = 0;
  private wake: () => void = () => {};
  private readonly client: Pick<ByteClient, "put">;
  private readonly call: { readonly timeoutMs: number; readonly signal: AbortSignal };

  constructor(client: PutWindow["client"], call: PutWindow["call"]) {
    this.client = client;
    this.call = call;
    // Each put listens to it, and Node would take so many listeners for a leak.
    setMaxListeners(0, call.signal);
  }

  /** Begins the put of `line` as soon as there is room. Not to be called before the last call is done. */
  async add(line: number, put: Put): Promise<void> {
    const key = Buffer.from(put.key);
    const name = key.toString("latin1");
    const bytes = key.length + put.value.length;
    while (!this.hasFailed && !this.hasRoomFor(name, bytes)) await this.untilNext();
    if (this.hasFailed) return;
    this.underWay.add(name);
    this.bytes += bytes;
    void this.send(line, put).then(() => {
      this.underWay.delete(name);
      this.bytes -= bytes;
      this.wake();
    });
  }

  get hasFailed(): boolean {
    return this.failures.length > 0;
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.underWay.size > 0) await this.untilNext();
  }

  private hasRoomFor(name: string, bytes: number): boolean {
    const { size } = this.underWay;
    if (size === 0) return true;
    return size < MAX_PUTS && this.bytes + bytes <= MAX_BYTES && !this.underWay.has(name);
  }

  private untilNext(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  /** Never rejects. */
  private async send(line: number, { key, value, ttlMs }: Put): Promise<void> {
    try {
      // The line says what the value is to be, however often it is written.
      await this.client.put(key, value, { ...this.call, ttlMs, retryUnknown: true });
      this.applied += 1;
    } catch (error) {
      this.failures.push({ line, error });
    }
  }
}

/** Of `failures`, how many puts may have been done. */
export function unknownAmong(failures: readonly LineFailure[]): number {
  return failures.filter(({ error }) => !isClientError(error) || error.outcome === "unknown")
    .length;
}
