/** The receiving end of a stream: reads on when the handler has taken what there is. */

import type { NodeId } from "../core/ids.js";
import { ByteChannel } from "./byte-channel.js";
import { RaftTransportError, wordsOf } from "./errors.js";
import { type AgreedSocket, TcpConnection } from "./tcp-connection.js";
import type { TcpContext } from "./tcp-options.js";
import { RECORD_KIND, type RecordKind } from "./tcp-record.js";
import { encodeAnswer, MAX_STREAM_CHUNK_BYTES } from "./tcp-stream-format.js";
import { MAX_STREAM_HEADER_BYTES, type TransportHandler } from "./transport.js";

export interface TcpIncomingStreamHooks {
  readonly onStream: TransportHandler["onStream"];
  readonly onClosed: () => void;
}

export class TcpIncomingStream {
  readonly connection: TcpConnection;
  readonly #chunks = new ByteChannel();
  readonly #hooks: TcpIncomingStreamHooks;
  readonly #cancelTimeout: () => void;
  #state: "greeting" | "open" | "ended" = "greeting";
  #isAnswered = false;
  /** Chunks that the handler has not taken. */
  #untaken = 0;

  constructor(
    context: TcpContext,
    peer: NodeId,
    agreed: AgreedSocket,
    hooks: TcpIncomingStreamHooks,
  ) {
    this.#hooks = hooks;
    this.connection = new TcpConnection(context, peer, agreed, {
      maxBytes: (kind) => this.#maxBytes(kind),
      onRecord: (kind, body) => this.#onRecord(kind, body),
      onClosed: (reason) => this.#onClosed(reason),
    });
    this.#cancelTimeout = context.clock.schedule(context.limits.handshakeTimeoutMs, () => {
      this.connection.fail("handshake-timeout", "a stream without a header");
    });
  }

  /** The handler is through: what is left is that the sender hangs up. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  #maxBytes(kind: number): number {
    if (this.#state === "greeting") {
      return kind === RECORD_KIND.streamHeader ? MAX_STREAM_HEADER_BYTES : -1;
    }
    if (this.#state === "ended") return -1;
    if (kind === RECORD_KIND.streamChunk) return MAX_STREAM_CHUNK_BYTES;
    return kind === RECORD_KIND.streamEnd ? 0 : -1;
  }

  #onRecord(kind: RecordKind, body: Uint8Array): void {
    if (kind === RECORD_KIND.streamHeader) {
      this.#state = "open";
      this.#cancelTimeout();
      void this.#run(body);
    } else if (kind === RECORD_KIND.streamEnd) {
      this.#state = "ended";
      this.#chunks.end();
    } else {
      void this.#take(body);
    }
  }

  async #take(chunk: Uint8Array): Promise<void> {
    this.#untaken += 1;
    this.connection.pause();
    await this.#chunks.push(chunk);
    this.#untaken -= 1;
    if (this.#untaken === 0 && !this.connection.isOver) this.connection.resume();
  }

  async #run(header: Uint8Array): Promise<void> {
    let refusal: string | undefined;
    try {
      await this.#hooks.onStream(this.connection.peer, header, this.#chunks);
    } catch (error) {
      refusal = wordsOf(error);
    }
    // What the handler did not want must not hold back the answer: it is read, and forgotten.
    this.#chunks.abandon();
    this.#isAnswered = true;
    this.connection.send(RECORD_KIND.streamAnswer, encodeAnswer(refusal));
  }

  #onClosed(reason: string): void {
    this.#cancelTimeout();
    if (this.#state !== "ended") {
      const message = `the stream of node ${this.connection.peer} was cut: ${reason}`;
      this.#chunks.fail(new RaftTransportError({ code: "RAFT_TRANSPORT_STREAM_CUT", message }));
    }
    this.#hooks.onClosed();
  }
}
