/** A stream to write to: batched, with backpressure, and with failures that are seen. */
import { Buffer } from "node:buffer";
import type { Writable } from "node:stream";

/** Bytes held back before a write waits for the stream. */
const BUFFER_BYTES = 64 * 1024;

/** The reader went away (EPIPE), as `head` does when it has enough. */
export class OutputClosed extends Error {
  override readonly name: string = "OutputClosed";
}

/** Whether the reader of a stream went away. */
export function isClosedPipe(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return (
    code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ERR_STREAM_WRITE_AFTER_END"
  );
}

export class Output {
  private readonly stream: Writable;
  // Invariant: `bytes` is the length of `pending`, and stays under BUFFER_BYTES between writes.
  private pending: Uint8Array[] = [];
  private bytes = 0;
  private isFlushScheduled = false;
  /** Why nothing can be written any more. */
  failure: Error | undefined;
  private readonly onFailure: () => void;
  private readonly listener = (error: Error): void => this.fail(error);

  /** @param onFailure called once, as soon as the stream is found to be broken */
  constructor(stream: Writable, onFailure: () => void = () => {}) {
    this.stream = stream;
    this.onFailure = onFailure;
    stream.on("error", this.listener);
  }

  /**
   * Writes `chunk` soon, at the latest when the event loop comes round; resolves when more can be taken.
   * @throws OutputClosed when the reader is gone; the stream's error when it broke otherwise
   */
  async write(chunk: string | Uint8Array): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    this.pending.push(bytes);
    this.bytes += bytes.length;
    if (this.bytes >= BUFFER_BYTES) {
      await this.flush();
    } else if (!this.isFlushScheduled) {
      this.isFlushScheduled = true;
      setImmediate(() => {
        this.isFlushScheduled = false;
        // A failure is kept, and thrown by the next call.
        this.flush().catch(() => {});
      });
    }
  }

  /** Resolves when all that was written has left the process. @throws as {@link Output.write} */
  async flush(): Promise<void> {
    const batch = Buffer.concat(this.pending);
    this.pending = [];
    this.bytes = 0;
    if (this.failure === undefined) {
      await new Promise<void>((resolve) => {
        this.stream.write(batch, (error) => {
          if (error) this.fail(error);
          resolve();
        });
      });
    }
    if (this.failure !== undefined) throw this.failure;
  }

  /** Stops listening to the stream, which stays open: it is the process's. */
  release(): void {
    this.stream.off("error", this.listener);
  }

  private fail(error: Error): void {
    if (this.failure !== undefined) return;
    this.failure = isClosedPipe(error)
      ? new OutputClosed("nobody reads the output any more")
      : error;
    this.onFailure();
  }
}
