/**
 * One file as a disk under a page cache sees it: what running programs read (`cached`), what is on the
 * platter (`durable`), and between the two an ordered history of unsynced changes.
 *
 * Invariant: `cached` is `durable` with every pending change applied, except for what a failed sync
 * marked clean (see {@link MemoryFile.failSync}).
 */
import { SECTOR_BYTES, type Sector, SectorBytes } from "./sector-bytes.js";

/** A later content of one sector, or a later size of the file, in the order of the calls. */
interface Version<T> {
  readonly ordinal: number;
  readonly content: T;
}

/**
 * What a failed sync leaves behind. Linux file systems differ, and none tells the caller:
 * - `"dropped"`: the dirty pages are gone, reads see the old bytes again;
 * - `"marked-clean"`: reads still see the new bytes, no later sync writes them (ext4, XFS);
 * - `"written"`: all of it reached the platter, only the answer was lost.
 */
export type FailedSyncPages = "dropped" | "marked-clean" | "written";

/** What a power cut leaves of one file: a size, and for each dirty sector one of its versions. */
export interface FileSurvival {
  /** Index into {@link MemoryFile.sizeCandidates}. */
  readonly size: number;
  /** For each of {@link MemoryFile.dirtySectors}: 0 for the durable content, `n` for version n. */
  readonly sectors: readonly number[];
}

export class MemoryFile {
  readonly inode: number;
  /** Handles that keep the file alive when its last name is gone. */
  openHandles = 0;
  private cached: SectorBytes;
  private durable: SectorBytes;
  private lastOrdinal = 0;
  private readonly dirty = new Map<number, Version<Sector>[]>();
  private sizes: Version<number>[] = [];

  constructor(inode: number, content: SectorBytes = new SectorBytes()) {
    this.inode = inode;
    this.cached = content.clone();
    this.durable = content.clone();
  }

  get size(): number {
    return this.cached.size;
  }

  /** Marks the history so far, for a sync that takes effect later than it was called. */
  get ordinal(): number {
    return this.lastOrdinal;
  }

  read(into: Uint8Array, position: number): number {
    return this.cached.read(into, position);
  }

  write(chunk: Uint8Array, position: number): void {
    if (chunk.length === 0) return;
    const before = this.cached.size;
    this.cached.write(chunk, position);
    this.lastOrdinal += 1;
    this.recordSectors(position, position + chunk.length);
    if (this.cached.size !== before) this.recordSize();
  }

  truncate(size: number): void {
    const before = this.cached.size;
    if (size === before) return;
    this.cached.resize(size);
    this.lastOrdinal += 1;
    this.recordSectors(Math.min(size, before), before);
    this.recordSize();
  }

  /** Makes durable what had been changed when `upTo` was taken from {@link MemoryFile.ordinal}. */
  sync(upTo: number = this.lastOrdinal): void {
    const size = this.sizes.filter((version) => version.ordinal <= upTo).at(-1);
    if (size !== undefined) this.durable.resize(size.content);
    for (const [index, versions] of this.dirty) {
      const kept = versions.filter((version) => version.ordinal <= upTo).at(-1);
      if (kept !== undefined) this.durable.replaceSector(index, kept.content);
      const later = versions.filter((version) => version.ordinal > upTo);
      if (later.length === 0) this.dirty.delete(index);
      else this.dirty.set(index, later);
    }
    this.sizes = this.sizes.filter((version) => version.ordinal > upTo);
  }

  /** A sync that answers with an error; the history is gone whatever became of the bytes. */
  failSync(pages: FailedSyncPages): void {
    if (pages === "written") this.sync();
    this.dirty.clear();
    this.sizes = [];
    if (pages === "dropped") this.cached = this.durable.clone();
  }

  /** Turns over one bit on the platter and in the page cache alike. */
  flipBit(offset: number, bit: number): void {
    for (const image of [this.cached, this.durable]) {
      if (offset >= image.size) continue;
      const byte = new Uint8Array(1);
      image.read(byte, offset);
      byte[0] = (byte[0] ?? 0) ^ (1 << bit);
      image.write(byte, offset);
    }
    // New sectors, because other images may share the old ones.
    const index = Math.floor(offset / SECTOR_BYTES);
    const versions = this.dirty.get(index);
    if (versions === undefined) return;
    const flipped = versions.map((version) => {
      const content = new Uint8Array(SECTOR_BYTES);
      if (version.content !== undefined) content.set(version.content);
      content[offset % SECTOR_BYTES] = (content[offset % SECTOR_BYTES] ?? 0) ^ (1 << bit);
      return { ordinal: version.ordinal, content };
    });
    this.dirty.set(index, flipped);
  }

  /** Indices of sectors with unsynced changes, ascending. */
  dirtySectors(): readonly number[] {
    return [...this.dirty.keys()].sort((left, right) => left - right);
  }

  /** How many unsynced contents the sector has had. */
  versionCount(sector: number): number {
    return this.dirty.get(sector)?.length ?? 0;
  }

  /**
   * Sizes that a power cut may leave, in the order in which they came to be: the durable one, then for
   * each unsynced change every sector boundary that a growing file passes, then the new size.
   */
  sizeCandidates(): readonly number[] {
    const candidates = [this.durable.size];
    for (const { content: size } of this.sizes) {
      const from = candidates.at(-1) ?? 0;
      let boundary = (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES;
      for (; boundary < size; boundary += SECTOR_BYTES) candidates.push(boundary);
      candidates.push(size);
    }
    return candidates;
  }

  /** The file after a power cut that left what `survival` says. */
  survive(survival: FileSurvival): MemoryFile {
    const content = this.durable.clone();
    content.resize(this.sizeCandidates()[survival.size] ?? content.size);
    this.dirtySectors().forEach((index, position) => {
      const version = survival.sectors[position] ?? 0;
      if (version > 0) content.replaceSector(index, this.dirty.get(index)?.[version - 1]?.content);
    });
    return new MemoryFile(this.inode, content);
  }

  /** A twin with the same images and history, and no handles. */
  clone(): MemoryFile {
    const twin = new MemoryFile(this.inode);
    twin.cached = this.cached.clone();
    twin.durable = this.durable.clone();
    twin.lastOrdinal = this.lastOrdinal;
    for (const [index, versions] of this.dirty) twin.dirty.set(index, [...versions]);
    twin.sizes = [...this.sizes];
    return twin;
  }

  private recordSectors(from: number, to: number): void {
    const first = Math.floor(from / SECTOR_BYTES);
    for (let index = first; index * SECTOR_BYTES < to; index += 1) {
      const versions = this.dirty.get(index) ?? [];
      versions.push({ ordinal: this.lastOrdinal, content: this.cached.sector(index) });
      this.dirty.set(index, versions);
    }
  }

  private recordSize(): void {
    this.sizes.push({ ordinal: this.lastOrdinal, content: this.cached.size });
  }
}
