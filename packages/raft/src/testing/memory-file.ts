/**
 * A file in memory: what programs read of it (the page cache), and what a power cut may leave of it.
 *
 * - A sector of 512 bytes is written whole or not at all. Each dirty sector holds, after the cut, its
 *   durable content or any of those that it has had since, whatever becomes of other sectors.
 * - The size is the durable one, any that the file has had since, or, while growing, any sector boundary
 *   on the way. What was never written reads as zeros.
 * - A sync that has answered holds for ever. One that has failed leaves some sectors written and marks the
 *   others clean without having written them: programs still read them, later syncs pass them over, and
 *   the next power cut may take them back. Only writing them again helps.
 */

export const SECTOR_BYTES = 512;

/** One of `0` to `count - 1`: how a question is answered that only chance decides. */
export type Choose = (count: number) => number;

/** A content of a sector, from the write with this number on. */
interface Version {
  readonly write: number;
  readonly bytes: Uint8Array;
}

interface DirtySector {
  /** Oldest first; the first one is durable. */
  readonly versions: Version[];
  /** A failed sync has given up what was written up to here. */
  lostThrough: number;
}

const ZEROS = new Uint8Array(SECTOR_BYTES);
const DURABLE = 0;

export class MemoryFile {
  #bytes = new Uint8Array(0);
  #size = 0;
  #writes = DURABLE;
  readonly #dirty = new Map<number, DirtySector>();
  /** Oldest first; the first one is durable. */
  #sizes: { readonly write: number; readonly size: number }[] = [{ write: DURABLE, size: 0 }];

  get size(): number {
    return this.#size;
  }

  /** Whether a power cut now could take something back. */
  get isDirty(): boolean {
    return this.#dirty.size > 0 || this.#sizes.length > 1;
  }

  /** @returns bytes read; fewer only where the file ends */
  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#size - position));
    if (count > 0) into.set(this.#bytes.subarray(position, position + count));
    return count;
  }

  write(chunk: Uint8Array, position: number): void {
    if (chunk.length === 0) return;
    const end = position + chunk.length;
    const first = Math.floor(position / SECTOR_BYTES);
    const last = Math.floor((end - 1) / SECTOR_BYTES);
    this.#reserve((last + 1) * SECTOR_BYTES);
    this.#writes += 1;
    for (let at = first; at <= last; at += 1) this.#keepDurable(at);
    this.#bytes.set(chunk, position);
    for (let at = first; at <= last; at += 1) {
      this.#dirty.get(at)?.versions.push({ write: this.#writes, bytes: this.#sector(at) });
    }
    if (end <= this.#size) return;
    this.#size = end;
    this.#sizes.push({ write: this.#writes, size: end });
  }

  /** A sync begins. @returns the number of the last write that it covers */
  beginSync(): number {
    return this.#writes;
  }

  /** The sync that began at `through` has succeeded. */
  endSync(through: number): void {
    for (const [at, sector] of this.#dirty) {
      const kept = newestUpTo(sector.versions, through);
      if ((sector.versions[kept]?.write ?? DURABLE) <= sector.lostThrough) continue;
      this.#settle(at, sector, kept);
    }
    this.#sizes.splice(0, newestUpTo(this.#sizes, through));
  }

  /** The sync that began at `through` has failed; `choose` says which sectors it had written. */
  failSync(through: number, choose: Choose): void {
    for (const [at, sector] of this.#dirty) {
      const kept = newestUpTo(sector.versions, through);
      if (choose(2) === 0) sector.lostThrough = through;
      else this.#settle(at, sector, kept);
    }
  }

  /**
   * A bit flips on the disk, in a sector that is not waiting to be written.
   * @returns whether there is such a bit at `position`
   */
  rot(position: number, bit: number): boolean {
    const isClean = !this.#dirty.has(Math.floor(position / SECTOR_BYTES));
    if (!isClean || position >= this.#size) return false;
    this.#bytes[position] = (this.#bytes[position] ?? 0) ^ (1 << bit);
    return true;
  }

  /** A power cut: leaves what `choose` says. */
  cutPower(choose: Choose): void {
    for (const [at, { versions }] of this.#dirty) {
      const left = versions[choose(versions.length)]?.bytes ?? ZEROS;
      this.#bytes.set(left, at * SECTOR_BYTES);
    }
    this.#dirty.clear();
    this.#size = this.#sizeAfterCut(choose);
    this.#sizes = [{ write: DURABLE, size: this.#size }];
    this.#bytes.fill(0, this.#size);
  }

  #sizeAfterCut(choose: Choose): number {
    const at = choose(this.#sizes.length);
    const size = this.#sizes[at]?.size ?? 0;
    const before = this.#sizes[at - 1]?.size ?? size;
    const boundaries = Math.floor(size / SECTOR_BYTES) - Math.floor(before / SECTOR_BYTES);
    const back = choose(boundaries + 1);
    return back === 0 ? size : (Math.floor(size / SECTOR_BYTES) + 1 - back) * SECTOR_BYTES;
  }

  #settle(at: number, sector: DirtySector, kept: number): void {
    sector.versions.splice(0, kept);
    if (sector.versions.length <= 1) this.#dirty.delete(at);
  }

  #keepDurable(at: number): void {
    if (this.#dirty.has(at)) return;
    const isNew = at * SECTOR_BYTES >= this.#size;
    const bytes = isNew ? ZEROS : this.#sector(at);
    this.#dirty.set(at, { versions: [{ write: DURABLE, bytes }], lostThrough: DURABLE });
  }

  #sector(at: number): Uint8Array {
    return this.#bytes.slice(at * SECTOR_BYTES, (at + 1) * SECTOR_BYTES);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(bytes, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** The place of the last one that was there after write `through`. */
function newestUpTo(versions: readonly { readonly write: number }[], through: number): number {
  let newest = 0;
  for (const [at, { write }] of versions.entries()) if (write <= through) newest = at;
  return newest;
}
