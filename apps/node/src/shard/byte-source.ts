/** Takes bytes off a stream of chunks, as many as asked for. */

/** What came is not a whole snapshot. */
export class DamagedSnapshot extends Error {
  override readonly name: string = "DamagedSnapshot";
  readonly code = "SHARD_SNAPSHOT_DAMAGED";

  constructor(what: string) {
    super(`the snapshot of a shard is damaged: ${what}`);
  }
}

export class ByteSource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes, as a copy. @throws DamagedSnapshot at the end */
  async take(length: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    // Gathered as they come: a length that is a lie costs no memory.
    for (let left = length; left > 0; ) {
      const part = await this.takeSome(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts, length);
  }

  /** One byte at least, `most` at most, as a view that is valid until the next call. @throws DamagedSnapshot at the end */
  async takeSome(most: number): Promise<Uint8Array> {
    while (this.#at >= this.#chunk.length) {
      const next = await this.#iterator.next();
      if (next.done === true) throw new DamagedSnapshot("it ends too soon");
      this.#chunk = next.value;
      this.#at = 0;
    }
    const part = this.#chunk.subarray(this.#at, this.#at + most);
    this.#at += part.length;
    return part;
  }

  /** @throws DamagedSnapshot when more comes; what the chunks throw at their end */
  async expectEnd(): Promise<void> {
    if (this.#at < this.#chunk.length) throw new DamagedSnapshot("bytes behind its end");
    for (;;) {
      const next = await this.#iterator.next();
      if (next.done === true) return;
      if (next.value.length > 0) throw new DamagedSnapshot("bytes behind its end");
    }
  }

  /** Lets go of the chunks. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
