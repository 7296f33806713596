/**
 * The segment files of a log: their names, headers and sizes, and a bounded number of open handles
 * to read from. The handle that is written to belongs to the writer.
 */

import { toReadError } from "./errors.js";
import type { FileHandle, FileSystem } from "./ports.js";
import { segmentName } from "./segment-header.js";

/** What is known of one segment. */
export interface Segment {
  readonly number: number;
  /** Of the file. */
  readonly bytes: number;
  readonly salt: number;
}

/** Handles that are kept open for reading. */
const MAX_OPEN_HANDLES = 32;

export class SegmentFiles {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  /** Ascending by number: segments are added in the order of their making. */
  readonly #segments = new Map<number, Segment>();
  #totalBytes = 0;
  /** Least recently used first. */
  readonly #handles = new Map<number, FileHandle>();

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
  }

  pathOf(number: number): string {
    return this.#fileSystem.join(this.#directory, segmentName(number));
  }

  add(segment: Segment): void {
    this.#segments.set(segment.number, segment);
    this.#totalBytes += segment.bytes;
  }

  remove(number: number): void {
    this.#totalBytes -= this.#segments.get(number)?.bytes ?? 0;
    this.#segments.delete(number);
    this.#handles.get(number)?.closeSync();
    this.#handles.delete(number);
  }

  get(number: number): Segment | undefined {
    return this.#segments.get(number);
  }

  /** Of all files. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  get count(): number {
    return this.#segments.size;
  }

  /** Ascending. */
  numbers(): Iterable<number> {
    return this.#segments.keys();
  }

  /** Fills `into`, blocking. @throws RaftWalError `RAFT_WAL_READ_FAILED` */
  readSync(number: number, into: Uint8Array, position: number): number {
    try {
      return this.#handleOf(number).readSync(into, position);
    } catch (error) {
      throw toReadError(error, this.pathOf(number));
    }
  }

  closeSync(): void {
    for (const handle of this.#handles.values()) handle.closeSync();
    this.#handles.clear();
  }

  #handleOf(number: number): FileHandle {
    const known = this.#handles.get(number);
    const handle = known ?? this.#fileSystem.openSync(this.pathOf(number), "read");
    this.#handles.delete(number);
    this.#handles.set(number, handle);
    for (const [oldest, unused] of this.#handles) {
      if (this.#handles.size <= MAX_OPEN_HANDLES) break;
      unused.closeSync();
      this.#handles.delete(oldest);
    }
    return handle;
  }
}
