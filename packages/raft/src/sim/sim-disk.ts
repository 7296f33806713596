/** A node's disk: how long it takes, what fails on it, and what a power cut leaves. */

import { MemoryDisk } from "../testing/memory-disk.js";
import type { MemoryFile } from "../testing/memory-file.js";
import {
  type DiskFate,
  type DiskOperation,
  MemoryFileSystem,
} from "../testing/memory-file-system.js";
import type { SeededRandom } from "../testing/seeded-random.js";
import { SEGMENT_HEADER_BYTES } from "../wal/segment-header.js";
import type { CoverageCounter } from "./coverage.js";
import type { SimLoop } from "./sim-loop.js";
import type { SimProcess } from "./sim-process.js";

const US_PER_MS = 1000;
const MAX_JITTER_US = 80;
/** Of a batch, among which one is not zero. */
const FIRST_BYTES = 16;
/** Where a node keeps its log. */
export const LOG_DIRECTORY = "/data/wal";
const FIRST_SEGMENT = "0000000001";

export interface SimDiskDeps {
  readonly loop: SimLoop;
  readonly random: SeededRandom;
  readonly coverage: CoverageCounter;
  readonly process: SimProcess;
  readonly maxSyncUs: number;
  readonly isJittery: boolean;
}

/** A failure that is to come. */
interface PlantedError {
  readonly operation: DiskOperation["kind"];
  readonly code: string;
}

export class SimDisk {
  readonly #deps: SimDiskDeps;
  readonly #disk = new MemoryDisk();
  #fileSystem: MemoryFileSystem;
  #planted: PlantedError[] = [];
  /** Writes and syncs do not come back before. */
  #hangsUntilUs = 0;
  #slowUntilUs = 0;
  #slowSyncUs = 0;
  /** Whether anything has failed since the process started. */
  #hasFailed = false;

  constructor(deps: SimDiskDeps) {
    this.#deps = deps;
    this.#fileSystem = this.#mount();
  }

  get fileSystem(): MemoryFileSystem {
    return this.#fileSystem;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** A new process: what an earlier one had open is closed, what was planted for it is gone. */
  restart(): void {
    this.#planted = [];
    const { capacityBytes } = this.#fileSystem;
    this.#hasFailed = capacityBytes < Number.POSITIVE_INFINITY;
    this.#fileSystem = this.#mount();
    this.#fileSystem.capacityBytes = capacityBytes;
  }

  cutPower(): void {
    const { random, coverage } = this.#deps;
    // Sometimes all is lost, sometimes all is kept, mostly something between.
    const style = random.nextInt(4);
    const couldLose = this.#disk.cutPower((count) => {
      if (style === 0) return 0;
      return style === 1 ? count - 1 : random.nextInt(count);
    });
    if (couldLose && style !== 1) coverage.hit("power-cut-lost-something");
  }

  /**
   * Flips a bit in what was written long ago: any segment of the log before the one with the last batch,
   * which nobody can tell from one that a power cut has torn.
   * @returns whether there was such a segment
   */
  rot(dice: number): boolean {
    const names = this.#disk.list(LOG_DIRECTORY);
    const all = names.filter((name) => name.endsWith(".wal")).sort();
    const segments = all.slice(0, this.#isEmpty(all.at(-1)) ? -2 : -1);
    const name = segments[dice % (segments.length || 1)];
    if (name === undefined) return false;
    const file = this.#segment(name);
    const bit = Math.floor(dice / segments.length) % (file.size * 8);
    return file.rot(Math.floor(bit / 8), bit % 8);
  }

  #segment(name: string): MemoryFile {
    return this.#disk.file(this.#fileSystem.join(LOG_DIRECTORY, name));
  }

  /** Whether a segment of the log has no batch yet. */
  #isEmpty(name: string | undefined): boolean {
    if (name === undefined) return true;
    const first = new Uint8Array(FIRST_BYTES);
    this.#segment(name).read(first, SEGMENT_HEADER_BYTES);
    return first.every((byte) => byte === 0);
  }

  plant(error: PlantedError): void {
    this.#planted.push(error);
  }

  hang(forMs: number): void {
    this.#hangsUntilUs = this.#deps.loop.nowUs + forMs * US_PER_MS;
  }

  slowDown(syncMs: number, forMs: number): void {
    this.#slowSyncUs = syncMs * US_PER_MS;
    this.#slowUntilUs = this.#deps.loop.nowUs + forMs * US_PER_MS;
  }

  /** Leaves room for so many bytes more. */
  fill(room: number): void {
    this.#fileSystem.capacityBytes = this.#disk.usedBytes + room;
    this.#hasFailed = true;
  }

  /** All is well again, but for what has failed. */
  heal(): void {
    this.#planted = [];
    this.#hangsUntilUs = 0;
    this.#slowUntilUs = 0;
    this.makeRoom();
  }

  makeRoom(): void {
    this.#fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
  }

  #mount(): MemoryFileSystem {
    return new MemoryFileSystem({
      disk: this.#disk,
      clock: this.#deps.process.clock,
      fate: (operation) => this.#fateOf(operation),
      choose: (count) => this.#deps.random.nextInt(count),
    });
  }

  #fateOf({ kind, path }: DiskOperation): DiskFate | undefined {
    const delayMs = this.#delayUsOf(kind) / US_PER_MS;
    this.#noteSegments(kind, path);
    const at = this.#planted.findIndex(({ operation }) => operation === kind);
    const [error] = at < 0 ? [] : this.#planted.splice(at, 1);
    if (error === undefined) return delayMs === 0 ? undefined : { delayMs };
    this.#hasFailed = true;
    return { delayMs, error: error.code };
  }

  #noteSegments(kind: DiskOperation["kind"], path: string): void {
    const { coverage } = this.#deps;
    if (kind === "unlink" && path.endsWith(".wal")) coverage.hit("wal-segment-collected");
    const isNext = kind === "rename" && path.endsWith(".wal.new") && !path.includes(FIRST_SEGMENT);
    if (isNext) coverage.hit("wal-segment-made");
  }

  #delayUsOf(kind: DiskOperation["kind"]): number {
    const { loop, random, maxSyncUs, isJittery } = this.#deps;
    const isSync = kind === "sync" || kind === "sync-directory";
    const usualUs = isSync ? random.between(30, maxSyncUs) : 0;
    const jitterUs = isJittery && kind !== "close" ? random.nextInt(MAX_JITTER_US) : 0;
    if (!isSync && kind !== "write") return jitterUs;
    const slowUs = isSync && loop.nowUs < this.#slowUntilUs ? this.#slowSyncUs : 0;
    const hangUs = Math.max(0, this.#hangsUntilUs - loop.nowUs);
    return usualUs + jitterUs + slowUs + hangUs;
  }
}
