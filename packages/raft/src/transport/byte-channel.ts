/**
 * The receiving end of a stream: chunks go in one by one, each taken before the next is let in, and come
 * out of an async iteration. Holds what was pushed but not taken; who pushes awaits and so bounds it.
 */

export class ByteChannel implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #taken: (() => void)[] = [];
  #waiting: { resolve(): void } | undefined;
  #end: "open" | "ended" | { readonly failure: Error } = "open";
  #isAbandoned = false;

  /** Resolves when the consumer has taken `chunk`, or never will. */
  push(chunk: Uint8Array): Promise<void> {
    if (this.#end !== "open" || this.#isAbandoned) return Promise.resolve();
    return new Promise((resolve) => {
      this.#chunks.push(chunk);
      this.#taken.push(resolve);
      this.#wake();
    });
  }

  /** No more chunks; those that wait are still handed out. */
  end(): void {
    if (this.#end === "open") this.#end = "ended";
    this.#wake();
  }

  /** The rest is lost; chunks that wait are thrown away. */
  fail(failure: Error): void {
    if (this.#end === "open") this.#end = { failure };
    this.#letGo();
    this.#wake();
  }

  /** Nobody takes any more: pushes resolve at once. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#letGo();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#taken.shift()?.();
          yield chunk;
        } else if (this.#end === "ended") {
          return;
        } else if (this.#end !== "open") {
          throw this.#end.failure;
        } else {
          await new Promise<void>((resolve) => {
            this.#waiting = { resolve };
          });
        }
      }
    } finally {
      this.abandon();
    }
  }

  #letGo(): void {
    const taken = this.#taken;
    this.#chunks = [];
    this.#taken = [];
    for (const resolve of taken) resolve();
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
