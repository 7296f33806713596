/**
 * Snapshots on disk, one file each, in one directory for all groups of a host:
 *
 *     g<group>-<index>-<random>.snapshot   complete and durable, in the chunks of `snapshot-format.ts`
 *     g<group>-<index>-<random>.partial    being written; worthless after a restart
 *
 * A file gets its final name only when it is durable. Which file counts is said by the log.
 */

import { makeDurableDirectory } from "../../wal/open-directory.js";
import type { FileHandle, FileSystem, Random } from "../../wal/ports.js";
import { RaftHostError } from "../errors.js";
import { GrowingFile } from "./growing-file.js";
import { ChunkDecoder } from "./snapshot-format.js";

/** Bytes read at once. */
const READ_BYTES = 256 * 1024;

const NAME = /^g(\d{1,16})-\d{1,16}-[0-9a-f]{8}\.(snapshot|partial)$/;

function groupOf(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export class SnapshotFiles {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #random: Random;
  /** All files, by group, so that opening a group need not look at those of others. */
  readonly #names = new Map<number, Set<string>>();
  /** Files that are being read or held, and how often. */
  readonly #readers = new Map<string, number>();
  /** Files to be removed once nobody reads them. */
  readonly #doomed = new Set<string>();

  private constructor(fileSystem: FileSystem, directory: string, random: Random) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#random = random;
  }

  /** Makes the directory if it is missing. */
  static async open(
    fileSystem: FileSystem,
    directory: string,
    random: Random,
  ): Promise<SnapshotFiles> {
    await makeDurableDirectory(fileSystem, directory);
    const files = new SnapshotFiles(fileSystem, directory, random);
    for (const name of await fileSystem.list(directory)) files.#note(name);
    return files;
  }

  /**
   * Stores encoded chunks, checking them on the way.
   * @returns the file's name, once it is durable
   * @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED`; what `chunks` or the file system throws
   */
  async store(group: number, index: number, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const file = await this.begin(group, index);
    try {
      for await (const piece of chunks) await file.append(piece);
      return await file.finish();
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /** Begins a file. It must be finished or discarded. */
  async begin(group: number, index: number): Promise<GrowingFile> {
    const nonce = this.#random
      .nextInt(2 ** 32)
      .toString(16)
      .padStart(8, "0");
    const stem = `g${group}-${index}-${nonce}`;
    const partial = `${stem}.partial`;
    const handle = await this.#fileSystem.open(this.#path(partial), "create-exclusive");
    this.#note(partial);
    return new GrowingFile(handle, {
      finish: async () => {
        const name = `${stem}.snapshot`;
        await this.#fileSystem.rename(this.#path(partial), this.#path(name));
        this.#forget(partial);
        this.#note(name);
        await this.#fileSystem.syncDirectory(this.#directory);
        return name;
      },
      discard: () => this.remove(partial),
    });
  }

  /** The file as it is, chunks and all, from byte `from` on. Not removed while it is read. */
  async *readEncoded(name: string, from = 0): AsyncGenerator<Uint8Array> {
    this.hold(name);
    try {
      const handle = await this.#open(name);
      try {
        yield* readAll(handle, from);
      } finally {
        await handle.close();
      }
    } finally {
      await this.release(name);
    }
  }

  /**
   * The data of the chunks, each checked before it is handed out.
   * @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED`
   */
  async *read(name: string): AsyncGenerator<Uint8Array> {
    const decoder = new ChunkDecoder();
    for await (const piece of this.readEncoded(name)) yield* decoder.push(piece);
    decoder.expectComplete();
  }

  /** Keeps a file from being removed, until {@link release} has been called as often. */
  hold(name: string): void {
    this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
  }

  async release(name: string): Promise<void> {
    const readers = (this.#readers.get(name) ?? 1) - 1;
    if (readers > 0) {
      this.#readers.set(name, readers);
      return;
    }
    this.#readers.delete(name);
    if (this.#doomed.has(name)) await this.remove(name);
  }

  /** Removes a file, now or when nobody reads it any more. One that is gone already is no error. */
  async remove(name: string): Promise<void> {
    if (this.#readers.has(name)) {
      this.#doomed.add(name);
      return;
    }
    this.#doomed.delete(name);
    const path = this.#path(name);
    if ((await this.#fileSystem.stat(path)) !== undefined) await this.#fileSystem.unlink(path);
    this.#forget(name);
  }

  /** Removes all files of a group but the one that its log names. Only while it is not open. */
  async clean(group: number, keep: string | undefined): Promise<void> {
    for (const name of this.#names.get(group) ?? []) {
      if (name !== keep) await this.remove(name);
    }
  }

  #note(name: string): void {
    const group = groupOf(name);
    if (group === undefined) return;
    const names = this.#names.get(group) ?? new Set();
    this.#names.set(group, names.add(name));
  }

  #forget(name: string): void {
    const group = groupOf(name);
    if (group === undefined) return;
    const names = this.#names.get(group);
    names?.delete(name);
    if (names?.size === 0) this.#names.delete(group);
  }

  #path(name: string): string {
    return this.#fileSystem.join(this.#directory, name);
  }

  async #open(name: string): Promise<FileHandle> {
    try {
      return await this.#fileSystem.open(this.#path(name), "read");
    } catch (error) {
      const message = `cannot open snapshot ${name}`;
      throw new RaftHostError({ code: "RAFT_HOST_SNAPSHOT_DAMAGED", message }, { cause: error });
    }
  }
}

async function* readAll(handle: FileHandle, from: number): AsyncGenerator<Uint8Array> {
  for (let position = from; ; ) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const count = await handle.read(buffer, position);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}
