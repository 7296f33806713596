/** A snapshot file that is being written, piece by piece, each checked before it is written. */

import type { FileHandle } from "../../wal/ports.js";
import { ChunkDecoder } from "./snapshot-format.js";

export class GrowingFile {
  readonly #handle: FileHandle;
  readonly #ends: {
    readonly finish: () => Promise<string>;
    readonly discard: () => Promise<void>;
  };
  readonly #decoder = new ChunkDecoder();
  #bytes = 0;

  /** Made by `SnapshotFiles.begin`. @param ends what to do with the file in the end */
  constructor(
    handle: FileHandle,
    ends: { readonly finish: () => Promise<string>; readonly discard: () => Promise<void> },
  ) {
    this.#handle = handle;
    this.#ends = ends;
  }

  /** Bytes written so far; more may follow from there. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends `piece`, of encoded chunks cut anywhere. After a failure only `discard` is of use.
   * @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED`; what the file system throws
   */
  async append(piece: Uint8Array): Promise<void> {
    this.#decoder.push(piece);
    await this.#handle.write(piece, this.#bytes);
    this.#bytes += piece.length;
  }

  /** @returns the file's final name, once it is durable @throws as `append` */
  async finish(): Promise<string> {
    this.#decoder.expectComplete();
    await this.#handle.sync();
    await this.#handle.close();
    return this.#ends.finish();
  }

  /** Never rejects: a file that cannot be removed is removed at the next start. */
  async discard(): Promise<void> {
    try {
      await this.#handle.close();
      await this.#ends.discard();
    } catch {
      // It has no meaning any more, and no name that anybody knows.
    }
  }
}
