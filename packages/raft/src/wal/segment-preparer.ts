/**
 * Makes segment files ahead of use: filled with zeros, so that later writes and syncs change no
 * metadata; headed, synced, and only then given their name.
 *
 * At most one is ready and at most one is being made.
 */

import { isRaftWalError, type RaftWalError } from "./errors.js";
import { toShortage, type WalHealth } from "./health.js";
import type { FileHandle, WalPorts } from "./ports.js";
import type { Segment } from "./segment-files.js";
import { encodeSegmentHeader, segmentName } from "./segment-header.js";
import type { LogId } from "./segment-set.js";
import { removeFile } from "./small-file.js";

const CHUNK_BYTES = 1024 * 1024;
/** Zeros are synced in slices: one huge sync would hold up the small ones of the log beside it. */
const SYNC_SLICE_BYTES = 4 * CHUNK_BYTES;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

export interface PreparedSegment {
  readonly segment: Segment;
  /** Open for reading and writing. */
  readonly handle: FileHandle;
}

export interface PreparerSettings {
  readonly ports: WalPorts;
  readonly directory: string;
  readonly segmentBytes: number;
  readonly logId: LogId;
  readonly health: WalHealth;
  readonly nextNumber: number;
}

export class SegmentPreparer {
  readonly #settings: PreparerSettings;
  #nextNumber: number;
  #ready: PreparedSegment | undefined;
  #underWay: Promise<PreparedSegment> | undefined;

  constructor(settings: PreparerSettings) {
    this.#settings = settings;
    this.#nextNumber = settings.nextNumber;
  }

  /** Begins to make a segment unless one is ready or under way. Failures show in `take`. */
  begin(): void {
    if (this.#ready !== undefined || this.#underWay !== undefined) return;
    this.#start().catch(() => undefined);
  }

  /** The ready segment, if there is one. */
  takeReady(): PreparedSegment | undefined {
    const ready = this.#ready;
    this.#ready = undefined;
    return ready;
  }

  /**
   * The next segment, made now if need be.
   * @throws RaftWalError `RAFT_WAL_DISK_FULL`; anything else poisons the log
   */
  async take(): Promise<PreparedSegment> {
    if (this.#ready === undefined) await (this.#underWay ?? this.#start());
    const ready = this.takeReady();
    if (ready === undefined) throw new Error("assertion: a segment was made and is gone");
    return ready;
  }

  async close(): Promise<void> {
    await this.#underWay?.catch(() => undefined);
    await this.takeReady()?.handle.close();
  }

  #start(): Promise<PreparedSegment> {
    const number = this.#nextNumber;
    const underWay = this.#prepare(number).then(
      (prepared) => {
        this.#nextNumber = number + 1;
        this.#ready = prepared;
        this.#underWay = undefined;
        return prepared;
      },
      (error: unknown) => {
        this.#underWay = undefined;
        throw error;
      },
    );
    this.#underWay = underWay;
    return underWay;
  }

  async #prepare(number: number): Promise<PreparedSegment> {
    const { ports, directory, segmentBytes, logId } = this.#settings;
    const { fileSystem, random, clock } = ports;
    const path = fileSystem.join(directory, segmentName(number));
    const draft = `${path}.new`;
    const salt = random.nextInt(2 ** 32);
    const createdAtMs = Math.max(0, Math.floor(clock.wallMs()));
    const header = { number, bytes: segmentBytes, logId, salt, createdAtMs };
    let handle: FileHandle | undefined;
    try {
      handle = await fileSystem.open(draft, "create-exclusive");
      await this.#fill(handle, draft);
      await handle.write(encodeSegmentHeader(header), 0);
      await this.#synced(draft, handle.sync());
      await fileSystem.rename(draft, path);
      await this.#synced(directory, fileSystem.syncDirectory(directory));
      return { segment: { number, bytes: segmentBytes, salt }, handle };
    } catch (error) {
      await handle?.close();
      // What is left of the file is of no use to anyone; the next open removes it too.
      await removeFile(fileSystem, draft).catch(() => undefined);
      throw this.#failure(error, draft);
    }
  }

  async #fill(handle: FileHandle, draft: string): Promise<void> {
    const { segmentBytes } = this.#settings;
    for (let at = 0; at < segmentBytes; at += CHUNK_BYTES) {
      await handle.write(ZEROS.subarray(0, Math.min(CHUNK_BYTES, segmentBytes - at)), at);
      const isSliceEnd = (at + CHUNK_BYTES) % SYNC_SLICE_BYTES === 0;
      if (isSliceEnd) await this.#synced(draft, handle.sync());
    }
  }

  async #synced(path: string, sync: Promise<void>): Promise<void> {
    try {
      await sync;
    } catch (error) {
      throw this.#settings.health.poison("sync", path, error);
    }
  }

  #failure(error: unknown, path: string): RaftWalError {
    if (isRaftWalError(error)) return error;
    return toShortage(error, path) ?? this.#settings.health.poison("write", path, error);
  }
}
