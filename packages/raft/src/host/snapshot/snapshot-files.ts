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
import { ChunkDecoder } from "./snapshot-format.js";

/** Bytes read at once. */
const READ_BYTES = 256 * 1024;

const NAME = /^g(\d{1,16})-\d{1,16}-[0-9a-f]{8}\.(snapshot|partial)$/;

export class SnapshotFiles {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #random: Random;
  /** Files that are being read. */
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
    return new SnapshotFiles(fileSystem, directory, random);
  }

  /**
   * Stores encoded chunks, checking them on the way.
   * @returns the file's name, once it is durable
   * @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED`; what `chunks` or the file system throws
   */
  async store(group: number, index: number, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const nonce = this.#random
      .nextInt(2 ** 32)
      .toString(16)
      .padStart(8, "0");
    const stem = `g${group}-${index}-${nonce}`;
    const partial = this.#path(`${stem}.partial`);
    const handle = await this.#fileSystem.open(partial, "create-exclusive");
    try {
      await writeChunks(handle, chunks);
      await handle.sync();
    } catch (error) {
      await handle.close();
      await this.#fileSystem.unlink(partial);
      throw error;
    }
    await handle.close();
    const name = `${stem}.snapshot`;
    await this.#fileSystem.rename(partial, this.#path(name));
    await this.#fileSystem.syncDirectory(this.#directory);
    return name;
  }

  /** The file as it is, chunks and all, for another host. Not removed while it is read. */
  async *readEncoded(name: string): AsyncGenerator<Uint8Array> {
    this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
    try {
      const handle = await this.#open(name);
      try {
        yield* readAll(handle);
      } finally {
        await handle.close();
      }
    } finally {
      await this.#leave(name);
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

  /** Removes a file, now or when nobody reads it any more. One that is gone already is no error. */
  async remove(name: string): Promise<void> {
    if (this.#readers.has(name)) {
      this.#doomed.add(name);
      return;
    }
    this.#doomed.delete(name);
    const path = this.#path(name);
    if ((await this.#fileSystem.stat(path)) !== undefined) await this.#fileSystem.unlink(path);
  }

  /** Removes all files of a group but the one that its log names. Only while it is not open. */
  async clean(group: number, keep: string | undefined): Promise<void> {
    for (const name of await this.#fileSystem.list(this.#directory)) {
      const match = NAME.exec(name);
      if (match !== null && Number(match[1]) === group && name !== keep) await this.remove(name);
    }
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

  async #leave(name: string): Promise<void> {
    const readers = (this.#readers.get(name) ?? 1) - 1;
    if (readers > 0) {
      this.#readers.set(name, readers);
      return;
    }
    this.#readers.delete(name);
    if (this.#doomed.has(name)) await this.remove(name);
  }
}

async function writeChunks(handle: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const decoder = new ChunkDecoder();
  let position = 0;
  for await (const piece of chunks) {
    decoder.push(piece);
    await handle.write(piece, position);
    position += piece.length;
  }
  decoder.expectComplete();
}

async function* readAll(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const count = await handle.read(buffer, position);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}
