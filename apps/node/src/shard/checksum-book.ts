/**
 * Digests of a shard as of its checksum commands, worked out in the background, one after the other.
 *
 * Bound: the last eight; a view whose turn comes too late to be among them is let go unread.
 */
import type { Clock, Snapshot } from "@titan/bitcask";
import { digestOf, type ShardDigest } from "./shard-digest.js";

export interface ShardChecksum extends ShardDigest {
  /** The command's index: the state up to it, included. */
  readonly index: number;
}

const KEPT = 8;
/** Between two slices of `digestOf`: it then reads some 25 MB in a second. */
const PAUSE_MS = 10;

export class ChecksumBook {
  readonly #clock: Pick<Clock, "schedule">;
  readonly #byIndex = new Map<
    number,
    { readonly view: Snapshot; readonly done: Promise<ShardChecksum | undefined> }
  >();
  #last: Promise<unknown> = Promise.resolve();

  constructor(clock: Pick<Clock, "schedule">) {
    this.#clock = clock;
  }

  /** Takes a view of the state as of `index`, and releases it in the end. */
  begin(index: number, view: Snapshot): void {
    const done = this.#last.then(() => this.#digest(index, view));
    this.#last = done;
    this.#byIndex.set(index, { view, done });
    const [oldest] = this.#byIndex.keys();
    if (this.#byIndex.size > KEPT && oldest !== undefined) this.#drop(oldest);
  }

  /** `undefined` when there was no such command lately, or the state was replaced while it was read. */
  async of(index: number): Promise<ShardChecksum | undefined> {
    return this.#byIndex.get(index)?.done;
  }

  /** The store is about to be closed. */
  forget(): void {
    for (const index of this.#byIndex.keys()) this.#drop(index);
  }

  #drop(index: number): void {
    this.#byIndex.get(index)?.view.release();
    this.#byIndex.delete(index);
  }

  async #digest(index: number, view: Snapshot): Promise<ShardChecksum | undefined> {
    try {
      if (!view.isOpen) return undefined;
      const digest = await digestOf(view, () => this.#pause());
      return { index, ...digest };
    } catch (error) {
      // Released, or given up by the store, while it was read. Anything else is the disk's word.
      if (!view.isOpen) return undefined;
      throw error;
    } finally {
      view.release();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.schedule(PAUSE_MS, resolve);
    });
  }
}
