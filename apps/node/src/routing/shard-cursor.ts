/** One shard's part of a scan: its entries in order, page by page, the next page fetched while this one is used. */
import type { ScanEntry } from "../kv/scan-request.js";
import type { ShardPage, ShardRange } from "../shard/shard-replica.js";
import { behind } from "./scan-range.js";

export type FetchPage = (range: ShardRange) => Promise<ShardPage>;

/** Holds at most two pages. */
export class ShardCursor {
  readonly #fetch: FetchPage;
  #page: ShardPage | undefined;
  #at = 0;
  #next: Promise<ShardPage> | undefined;

  constructor(range: ShardRange, fetch: FetchPage) {
    this.#fetch = fetch;
    this.#fetchBehind(range);
    this.#range = range;
  }

  #range: ShardRange;

  /** The entry that is next; undefined when `fill` has to be called first, or when there is none. */
  get entry(): ScanEntry | undefined {
    return this.#page?.entries[this.#at];
  }

  /** The shard's clock when the entry was read. */
  get nowMs(): number {
    return this.#page?.nowMs ?? 0;
  }

  /** Goes on behind the entry. */
  advance(): void {
    this.#at += 1;
  }

  /** Whether there may be an entry that has to be waited for. */
  get isWaiting(): boolean {
    return this.entry === undefined && this.#next !== undefined;
  }

  /** Resolves when there is an entry, or will not be one. @throws what the fetch throws */
  async fill(): Promise<void> {
    while (this.isWaiting) {
      const page = await this.#next;
      this.#next = undefined;
      if (page === undefined) return;
      this.#page = page;
      this.#at = 0;
      const last = page.entries.at(-1);
      const rest = last === undefined || !page.isMore ? undefined : behind(this.#range, last.key);
      if (rest !== undefined) this.#fetchBehind(rest);
    }
  }

  #fetchBehind(range: ShardRange): void {
    this.#range = range;
    this.#next = this.#fetch(range);
    // Whoever fills hears of it; a scan that ends before that does not care.
    this.#next.catch(() => undefined);
  }
}
