/** A stream within the process: one chunk on its way at a time. */

import type { NodeId } from "../core/ids.js";
import { ByteChannel } from "./byte-channel.js";
import { RaftTransportError } from "./errors.js";
import type { OutgoingStream } from "./transport.js";

export class MemoryStream implements OutgoingStream {
  readonly chunks = new ByteChannel();
  /** Sender and receiver. */
  readonly ends: readonly NodeId[];
  readonly #later: (run: () => void) => void;
  readonly #settled: (() => void)[] = [];
  #isDone = false;
  #failure: RaftTransportError | undefined;
  #finish: () => void = () => undefined;
  readonly #finished: Promise<void>;

  constructor(later: (run: () => void) => void, ends: readonly NodeId[]) {
    this.#later = later;
    this.ends = ends;
    this.#finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Ties the stream to the receiver's work on it. */
  runReceiver(work: Promise<void>): void {
    work.then(
      () => this.#settle(undefined),
      (error: unknown) => this.#settle(error as RaftTransportError),
    );
  }

  /** Calls back once nothing more will happen. */
  onSettled(run: () => void): void {
    this.#settled.push(run);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertUsable();
    const copy = chunk.slice();
    await new Promise<void>((resolve) => this.#later(resolve));
    this.#assertUsable();
    await Promise.race([this.chunks.push(copy), this.#finished]);
    this.#assertUsable();
  }

  async end(): Promise<void> {
    this.#assertUsable();
    this.#later(() => this.chunks.end());
    await this.#finished;
    this.#assertUsable();
  }

  abort(): void {
    if (this.#isDone) return;
    const message = "the stream was aborted";
    const cut = new RaftTransportError({ code: "RAFT_TRANSPORT_STREAM_CUT", message });
    this.chunks.fail(cut);
    this.#settle(cut);
  }

  #settle(failure: RaftTransportError | undefined): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#failure = failure;
    this.chunks.abandon();
    this.#finish();
    for (const run of this.#settled) run();
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
