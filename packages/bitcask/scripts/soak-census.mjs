/** Disk and memory of a soak, against what the documentation promises. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DATA_FILE_BYTES, KEYS, VALUE_CACHE_BYTES } from "./soak-load.mjs";

const MIB = 1024 * 1024;
/** Node itself with the package loaded, its heap under load, and what the allocator keeps back. */
const PROCESS_BYTES = 160 * MIB;
/** Segments of waiting writes, a merge's window and chunk, a hint: a few files' worth at most. */
const BUFFER_BYTES = 8 * DATA_FILE_BYTES;

/** The image of the index, which lies there until the first write of a life. */
const IMAGE_BYTES = 80 * KEYS;

export class Census {
  constructor(directory) {
    this.directory = directory;
    this.disk = 0;
    this.live = 0;
    this.rss = 0;
    this.files = 0;
    this.worstRatio = 0;
    this.samples = 0;
  }

  /** Figures that the child has noted. */
  add(samples) {
    for (const { rss, live, files } of samples) {
      this.rss = Math.max(this.rss, rss);
      this.live = Math.max(this.live, live);
      this.files = Math.max(this.files, files);
      this.samples += 1;
    }
  }

  sampleDisk() {
    let bytes = 0;
    for (const name of readdirSync(this.directory)) {
      // A merge may remove it this moment.
      bytes += statSync(join(this.directory, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    this.disk = Math.max(this.disk, bytes);
  }

  /** docs/bitcask/memory-and-disk.md; records here have some 800 bytes, packed hint entries 16 at most. */
  get diskBound() {
    return (2 * this.live + 4 * DATA_FILE_BYTES) * 1.03 + IMAGE_BYTES;
  }

  get rssBound() {
    return PROCESS_BYTES + BUFFER_BYTES + VALUE_CACHE_BYTES;
  }

  describe() {
    return [
      `disk at most ${mib(this.disk)}, bound ${mib(this.diskBound)} (live at most ${mib(this.live)}, ${this.files} files)`,
      `RSS of the child at most ${mib(this.rss)}, bound ${mib(this.rssBound)} (${this.samples} samples)`,
    ];
  }

  /** @throws Error */
  assertBounds() {
    if (this.samples === 0) throw new Error("the child has noted no figures");
    if (this.disk > this.diskBound) throw new Error("disk use is beyond its bound");
    if (this.rss > this.rssBound) throw new Error("memory is beyond its bound");
  }
}

function mib(bytes) {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
