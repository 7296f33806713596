/**
 * A range of the store as it was at one moment, that can be walked and sought in both directions.
 *
 * The store's walks are consistent but go one way. So a seek does one of three things:
 * - nothing was written since the scan began: a new walk from the target sees the same;
 * - else, when the target lies ahead: the walk goes on, and what is before the target is dropped;
 * - else: a second walk, begun just before the first write, is read into memory, within a bound,
 *   and serves this scan from then on.
 *
 * Left out: keys that expire while a scan is open may drop out of it when it seeks.
 *
 * Invariant: whoever writes calls `preserve()` before, while the store is still as the scan saw it.
 */
import type { ScanOptions } from "../options.js";
import type { KeyBounds } from "./key-bounds.js";
import { KeptRows, type Row, type RowSource } from "./row-source.js";

export interface FrozenScanDeps {
  readonly bounds: KeyBounds;
  /** A walk over the store as it is at the call. */
  readonly openWalk: (options: ScanOptions) => RowSource;
  /** Most bytes of keys and values kept for seeks backwards. */
  readonly maxRewindBytes: number;
}

export class FrozenScan {
  private readonly deps: FrozenScanDeps;
  private source: RowSource;
  /** A walk over the whole range; there once the store has been written to. */
  private spare: RowSource | undefined;
  private isStale = false;
  private isClosed = false;
  /** Where `source` begins; `undefined`: at the edge of the range. */
  private begin: Uint8Array | undefined;
  /** The last key that `source` has left behind. */
  private passed: Uint8Array | undefined;
  /** A row that a seek has read and not handed out. Invariant: it comes after `passed`. */
  private held: Row | undefined;
  /** A seek that the next read has to carry out. */
  private target: Uint8Array | undefined;
  private isOutside = false;
  /** Why a seek failed. There is no place to go on from. */
  private failure: Error | undefined;

  constructor(deps: FrozenScanDeps) {
    this.deps = deps;
    this.source = deps.openWalk(deps.bounds.scan);
  }

  /** The store is about to change. */
  preserve(): void {
    if (this.isStale || this.isClosed) return;
    this.isStale = true;
    this.spare = this.deps.openWalk(this.deps.bounds.scan);
  }

  /** Goes to `target` or, when it is not there, the key that a walk meets next. */
  seek(target: Uint8Array): void {
    this.isOutside = !this.deps.bounds.contains(target);
    // A copy: the caller may reuse the buffer before the next read.
    this.target = this.isOutside ? undefined : Uint8Array.from(target);
  }

  /** @returns `undefined` at the end of the range */
  async next(): Promise<Row | undefined> {
    if (this.failure !== undefined) throw this.failure;
    const { target } = this;
    if (target !== undefined) {
      this.target = undefined;
      try {
        await this.goTo(target);
      } catch (error) {
        this.failure = error instanceof Error ? error : new Error(String(error));
        throw this.failure;
      }
    }
    return this.isOutside ? undefined : this.step();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([this.source.close(), this.spare?.close()]);
  }

  private async step(): Promise<Row | undefined> {
    const row = this.held ?? (await this.source.next());
    this.held = undefined;
    if (row !== undefined) this.passed = row.key;
    return row;
  }

  private async goTo(target: Uint8Array): Promise<void> {
    const { bounds, openWalk, maxRewindBytes } = this.deps;
    if (this.source instanceof KeptRows) return this.seekKept(this.source, target);
    if (!this.isStale) {
      const former = this.source;
      this.source = openWalk(bounds.from(target));
      this.restart(target);
      return former.close();
    }
    if (this.isAhead(target)) return this.skipTo(target);
    const { spare, source: former } = this;
    if (spare === undefined) throw new Error("assertion: a stale scan has a second walk");
    const kept = await KeptRows.of(spare, maxRewindBytes);
    this.spare = undefined;
    this.source = kept;
    this.seekKept(kept, target);
    return former.close();
  }

  private seekKept(kept: KeptRows, target: Uint8Array): void {
    kept.seek((key) => this.deps.bounds.compare(key, target) < 0);
    this.restart(undefined);
  }

  private restart(begin: Uint8Array | undefined): void {
    this.begin = begin;
    this.passed = undefined;
    this.held = undefined;
  }

  /** Whether all rows from `target` on are still to come. */
  private isAhead(target: Uint8Array): boolean {
    const { bounds } = this.deps;
    if (this.passed !== undefined) return bounds.compare(target, this.passed) > 0;
    return this.begin === undefined || bounds.compare(target, this.begin) >= 0;
  }

  private async skipTo(target: Uint8Array): Promise<void> {
    for (;;) {
      const row = this.held ?? (await this.source.next());
      this.held = row;
      if (row === undefined || this.deps.bounds.compare(row.key, target) >= 0) return;
      this.passed = row.key;
      this.held = undefined;
    }
  }
}
