/**
 * A connection after its handshake: records in both directions, signs of life, and one end.
 *
 * What is sent within a callback of the event loop leaves in one piece when it is over; while the kernel
 * is busy with an earlier piece, more gathers. Who sends bounds what waits: see `queuedBytes`.
 */

import type { Socket } from "node:net";
import type { NodeId } from "../core/ids.js";
import type { TcpFault } from "./tcp-faults.js";
import type { TcpContext } from "./tcp-options.js";
import {
  encodeRecords,
  type OutgoingRecord,
  RECORD_KIND,
  type RecordKind,
  RecordReader,
} from "./tcp-record.js";

/** What a handshake leaves behind. */
export interface AgreedSocket {
  /** Paused, so that nothing is lost before somebody listens. */
  readonly socket: Socket;
  /** What has come after the handshake already. */
  readonly rest: Buffer;
}

export interface TcpConnectionEvents {
  /** Largest body of a kind; below 0 for kinds that are not expected. */
  maxBytes(kind: number): number;
  onRecord(kind: RecordKind, body: Uint8Array): void;
  /** Called once, never within a call of the connection. */
  onClosed(reason: string): void;
}

const NOTHING = new Uint8Array(0);
/** What a record that waits takes of memory beside its body, about: small ones must be bounded too. */
const WAITING_RECORD_BYTES = 64;

export class TcpConnection {
  readonly peer: NodeId;
  readonly #context: TcpContext;
  readonly #socket: Socket;
  readonly #events: TcpConnectionEvents;
  readonly #reader: RecordReader;
  #waiting: OutgoingRecord[] = [];
  #waitingBytes = 0;
  #isFlushDue = false;
  #isWriting = false;
  /** Something else than a beat, since the last beat. */
  #hasSent = false;
  #silentBeats = 0;
  #isHeld = false;
  #isOver = false;
  /** Whether `onClosed` has been called. */
  #isClosed = false;
  #reason: string | undefined;
  #flushed: (() => void)[] = [];

  constructor(
    context: TcpContext,
    peer: NodeId,
    agreed: AgreedSocket,
    events: TcpConnectionEvents,
  ) {
    this.peer = peer;
    this.#context = context;
    this.#socket = agreed.socket;
    this.#events = events;
    const onRecord = (kind: RecordKind, body: Uint8Array): void => {
      if (kind !== RECORD_KIND.beat) events.onRecord(kind, body);
    };
    const maxBytes = (kind: number): number =>
      kind === RECORD_KIND.beat ? 0 : events.maxBytes(kind);
    this.#reader = new RecordReader({ maxBytes, onRecord });
    this.#listen(agreed);
  }

  /** Bytes that were sent and that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.#waitingBytes + this.#socket.writableLength;
  }

  /** Whether nothing more can be sent. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends a record soon; its body must not change until it has left. */
  send(kind: RecordKind, body: Uint8Array): void {
    if (this.#isOver) return;
    if (kind !== RECORD_KIND.beat) this.#hasSent = true;
    this.#waiting.push({ kind, body });
    this.#waitingBytes += body.length + WAITING_RECORD_BYTES;
    if (this.#isFlushDue || this.#isWriting) return;
    this.#isFlushDue = true;
    process.nextTick(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  /** Resolves once the kernel has taken all that was sent, or never will. */
  async flushed(): Promise<void> {
    if (this.#isOver || (this.#waiting.length === 0 && !this.#isWriting)) return;
    await new Promise<void>((resolve) => this.#flushed.push(resolve));
  }

  /** Reads no more until {@link TcpConnection.resume}, which holds the sender back. */
  pause(): void {
    this.#isHeld = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isHeld = false;
    this.#silentBeats = 0;
    this.#socket.resume();
  }

  /** Gives a sign of life, and looks for one of the other end. To be called every `keepAliveMs`. */
  beat(): void {
    if (this.#isOver) return;
    if (!this.#isHeld) {
      this.#silentBeats += 1;
      if (this.#silentBeats > this.#context.limits.maxSilentKeepAlives) {
        this.fail("peer-silent", "nothing was heard for too long");
        return;
      }
    }
    if (!this.#hasSent && this.queuedBytes === 0) this.send(RECORD_KIND.beat, NOTHING);
    this.#hasSent = false;
  }

  /** Ends the connection because of a fault, which is counted. */
  fail(fault: TcpFault, message: string): void {
    if (this.#isOver) return;
    const { remoteAddress: address } = this.#socket;
    const where = address === undefined ? {} : { address };
    this.#context.faults.add(fault, { peer: this.peer, ...where, message });
    this.destroy(message);
  }

  /** Ends the connection at once; what waits is lost. Idempotent. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#end();
    this.#socket.destroy();
  }

  #listen({ socket, rest }: AgreedSocket): void {
    socket.on("error", (error: Error) => {
      this.#reason ??= error.message;
    });
    socket.once("close", () => this.#onClose());
    // Later, so that nothing is handed on before the constructor is through.
    process.nextTick(() => {
      if (rest.length > 0) this.#onData(rest);
      socket.on("data", (chunk: Buffer) => this.#onData(chunk));
      if (!this.#isHeld) socket.resume();
      // It may have closed before anybody listened.
      if (socket.closed) this.#onClose();
    });
  }

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isOver && this.#reader.isWithinRecord) {
      this.fail("cut-short", this.#reason ?? "the connection ended within a record");
    }
    this.#end();
    this.#events.onClosed(this.#reason ?? "the peer closed the connection");
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#silentBeats = 0;
    this.#context.traffic.bytesReceived += chunk.length;
    const fault = this.#reader.push(chunk);
    if (fault !== undefined) this.fail(fault, `bytes that are no record: ${fault}`);
  }

  #flush(): void {
    if (this.#isOver || this.#isWriting) return;
    if (this.#waiting.length === 0) {
      this.#letGo();
      return;
    }
    const pieces = encodeRecords(this.#waiting);
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    this.#context.traffic.bytesSent += bytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#isWriting = true;
    const onWritten = (): void => {
      this.#isWriting = false;
      this.#flush();
    };
    const last = pieces.pop() ?? NOTHING;
    if (pieces.length === 0) {
      this.#socket.write(last, onWritten);
      return;
    }
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.write(last, onWritten);
    this.#socket.uncork();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader.stop();
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#letGo();
  }

  #letGo(): void {
    const flushed = this.#flushed;
    this.#flushed = [];
    for (const resolve of flushed) resolve();
  }
}
