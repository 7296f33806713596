/** A range of a database as it was at one moment, that can be walked, and sought in both directions. */
import type { ScanOptions } from "../options.js";
import type { Snapshot } from "../snapshot.js";
import type { KeyBounds } from "./key-bounds.js";

export interface Row {
  /** As stored. */
  readonly key: Uint8Array;
  /** `undefined` in scans of keys only. */
  readonly value: Uint8Array | undefined;
}

export interface SnapshotScanInit {
  readonly snapshot: Snapshot;
  /** Whether the snapshot is released with the scan. */
  readonly ownsSnapshot: boolean;
  readonly bounds: KeyBounds;
  readonly hasValues: boolean;
}

export class SnapshotScan {
  private readonly init: SnapshotScanInit;
  private rows: AsyncIterableIterator<Row>;
  private isOutside = false;

  constructor(init: SnapshotScanInit) {
    this.init = init;
    this.rows = this.walk(init.bounds.scan);
  }

  /** Goes to `target` or, when it is not there, the key that a walk meets next. */
  seek(target: Uint8Array): void {
    const { bounds } = this.init;
    this.isOutside = !bounds.contains(target);
    if (!this.isOutside) this.rows = this.walk(bounds.from(target));
  }

  /** @returns `undefined` at the end of the range */
  async next(): Promise<Row | undefined> {
    if (this.isOutside) return undefined;
    const result = await this.rows.next();
    return result.done === true ? undefined : result.value;
  }

  close(): void {
    this.isOutside = true;
    if (this.init.ownsSnapshot) this.init.snapshot.release();
  }

  /** Needs no end of its own: a walk over a snapshot holds nothing. */
  private walk(range: ScanOptions): AsyncIterableIterator<Row> {
    const { snapshot, hasValues } = this.init;
    return hasValues ? snapshot.entries(range) : keysOnly(snapshot.keys(range));
  }
}

async function* keysOnly(keys: AsyncIterable<Uint8Array>): AsyncGenerator<Row, undefined> {
  for await (const key of keys) yield { key, value: undefined };
  return undefined;
}
