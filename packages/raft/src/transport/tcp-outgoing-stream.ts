/**
 * The sending end of a stream: a connection of its own, so that what it carries holds up no frame.
 *
 *     header, chunk, chunk, …, end →
 *                                  ← answer, when the receiver's handler has come to an end
 */

import type { NodeId } from "../core/ids.js";
import { RaftTransportError } from "./errors.js";
import { type AgreedSocket, TcpConnection } from "./tcp-connection.js";
import type { TcpContext } from "./tcp-options.js";
import { RECORD_KIND } from "./tcp-record.js";
import { decodeAnswer, MAX_ANSWER_BYTES, STREAM_CHUNK_BYTES } from "./tcp-stream-format.js";
import type { OutgoingStream } from "./transport.js";

const NOTHING = new Uint8Array(0);

export class TcpOutgoingStream implements OutgoingStream {
  readonly connection: TcpConnection;
  #failure: RaftTransportError | undefined;
  #isAnswered = false;
  #settle: () => void = () => undefined;
  readonly #settled: Promise<void>;

  constructor(
    context: TcpContext,
    peer: NodeId,
    agreed: AgreedSocket,
    hooks: { readonly header: Uint8Array; readonly onSettled: () => void },
  ) {
    this.#settled = new Promise((resolve) => {
      this.#settle = () => {
        hooks.onSettled();
        resolve();
      };
    });
    this.connection = new TcpConnection(context, peer, agreed, {
      maxBytes: (kind) => (kind === RECORD_KIND.streamAnswer ? MAX_ANSWER_BYTES : -1),
      onRecord: (_kind, body) => this.#onAnswer(body),
      onClosed: (reason) => this.#cut(reason),
    });
    this.connection.send(RECORD_KIND.streamHeader, hooks.header);
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let from = 0; from < chunk.length; from += STREAM_CHUNK_BYTES) {
      this.#assertUsable();
      // The receiver is content already: the rest is not wanted.
      if (this.#isAnswered) return;
      const piece = chunk.subarray(from, from + STREAM_CHUNK_BYTES);
      this.connection.send(RECORD_KIND.streamChunk, piece);
      await this.connection.flushed();
    }
    this.#assertUsable();
  }

  async end(): Promise<void> {
    this.#assertUsable();
    if (!this.#isAnswered) this.connection.send(RECORD_KIND.streamEnd, NOTHING);
    await this.#settled;
    this.#assertUsable();
  }

  abort(): void {
    this.#cut("the stream was aborted");
    this.connection.destroy("aborted");
  }

  #onAnswer(body: Uint8Array): void {
    if (this.#isAnswered || this.#failure !== undefined) return;
    this.#isAnswered = true;
    const refusal = decodeAnswer(body);
    if (refusal !== undefined) {
      const code = "RAFT_TRANSPORT_STREAM_REFUSED";
      this.#failure = new RaftTransportError({ code, message: refusal });
    }
    this.#settle();
    this.connection.destroy("answered");
  }

  #cut(reason: string): void {
    if (this.#isAnswered || this.#failure !== undefined) return;
    const message = `the stream to node ${this.connection.peer} was cut: ${reason}`;
    this.#failure = new RaftTransportError({ code: "RAFT_TRANSPORT_STREAM_CUT", message });
    this.#settle();
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
