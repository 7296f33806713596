/**
 * The bytes of a file as an array of 512-byte sectors that are never changed in place: a write puts
 * new sectors where the old ones were. So two images of a file share what they have in common, and a
 * copy of a whole disk costs one array of pointers per file.
 */

/** Bytes that a disk writes all or nothing. */
export const SECTOR_BYTES = 512;

/** One sector; `undefined` stands for zeros, as a hole in a sparse file reads. */
export type Sector = Uint8Array | undefined;

const EMPTY = new Uint8Array(SECTOR_BYTES);

/** A growable run of bytes. Invariant: bytes past `size` in the last sector are zero. */
export class SectorBytes {
  private sectors: Sector[] = [];
  private length = 0;

  /** Bytes from the start to the end. */
  get size(): number {
    return this.length;
  }

  /** The sector at `index`, which the caller must not change. */
  sector(index: number): Sector {
    return this.sectors[index];
  }

  clone(): SectorBytes {
    const twin = new SectorBytes();
    twin.sectors = [...this.sectors];
    twin.length = this.length;
    return twin;
  }

  /** Copies bytes from `position` into `into`; returns how many there were. */
  read(into: Uint8Array, position: number): number {
    const end = Math.min(position + into.length, this.length);
    let at = position;
    while (at < end) {
      const start = at % SECTOR_BYTES;
      const count = Math.min(SECTOR_BYTES - start, end - at);
      const source = this.sectors[Math.floor(at / SECTOR_BYTES)] ?? EMPTY;
      into.set(source.subarray(start, start + count), at - position);
      at += count;
    }
    return Math.max(0, end - position);
  }

  /** Puts `chunk` at `position`, growing with zeros when needed. */
  write(chunk: Uint8Array, position: number): void {
    if (chunk.length === 0) return;
    if (position + chunk.length > this.length) this.resize(position + chunk.length);
    let at = 0;
    while (at < chunk.length) {
      const index = Math.floor((position + at) / SECTOR_BYTES);
      const start = (position + at) % SECTOR_BYTES;
      const count = Math.min(SECTOR_BYTES - start, chunk.length - at);
      const sector = new Uint8Array(SECTOR_BYTES);
      if (count < SECTOR_BYTES) sector.set(this.sectors[index] ?? EMPTY);
      sector.set(chunk.subarray(at, at + count), start);
      this.sectors[index] = sector;
      at += count;
    }
  }

  /** Replaces a whole sector; bytes past the end of the file are cleared. */
  replaceSector(index: number, sector: Sector): void {
    if (index >= this.sectors.length) return;
    this.sectors[index] = sector;
    if (index === this.sectors.length - 1) this.clearAfterEnd();
  }

  /** Cuts, or extends with zeros. */
  resize(size: number): void {
    const isCut = size < this.length;
    this.length = size;
    this.sectors.length = Math.ceil(size / SECTOR_BYTES);
    if (isCut) this.clearAfterEnd();
  }

  private clearAfterEnd(): void {
    const used = this.length % SECTOR_BYTES;
    const last = this.sectors.length - 1;
    const sector = this.sectors[last];
    if (used === 0 || sector === undefined) return;
    const cleared = new Uint8Array(SECTOR_BYTES);
    cleared.set(sector.subarray(0, used));
    this.sectors[last] = cleared;
  }
}
