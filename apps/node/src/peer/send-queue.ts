/**
 * Records to one peer, over one stream that is opened when there is something to say. What is queued within
 * a turn leaves in one piece; while that is under way, more gathers.
 *
 * A record is told of its end once: `onSent` when the stream has taken it, or `onLost` when it was given up,
 * which says whether the stream may have taken it.
 */

import { toNodeId } from "@titan/raft";
import type { OutgoingStream, Transport } from "@titan/raft/transport";
import type { PeerClock, PeerLimits, PeerRandom, PeerStats } from "./peer-options.js";
import { encodeRecords, PEER_STREAM_HEADER, type PeerRecord, recordBytes } from "./peer-record.js";

/** A record with somebody who wants to know. */
export interface QueuedRecord extends PeerRecord {
  /** It need not be sent any more. */
  readonly isDropped?: boolean;
  /** It has been handed to the stream: from here on it may arrive. Called before the write. */
  onSending?(): void;
  /** The stream has taken it. */
  onSent?(): void;
  /** It was given up without having been handed to a stream. */
  onLost?(why: string): void;
}

export interface SendQueueDeps {
  readonly peer: number;
  readonly transport: Pick<Transport, "openStream">;
  readonly clock: PeerClock;
  readonly random: PeerRandom;
  readonly limits: PeerLimits;
  readonly stats: PeerStats;
  /** The stream was lost: what it had taken may have arrived, or not. */
  onCut(why: string): void;
}

/** What is sent in one piece, unless one record is larger. */
const MAX_PIECE_BYTES = 1024 * 1024;

export class SendQueue {
  readonly #deps: SendQueueDeps;
  #queue: QueuedRecord[] = [];
  #queuedBytes = 0;
  #stream: OutgoingStream | undefined;
  #isPumping = false;
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  /** Waits for all that is queued to be sent. */
  #onEmpty: (() => void) | undefined;
  /** Grows when the stream is to be given up, so that one that is being opened is, too. */
  #generation = 0;

  constructor(deps: SendQueueDeps) {
    this.#deps = deps;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isOpen(): boolean {
    return this.#stream !== undefined;
  }

  /** A stream could not be opened, and it is too early to try again. */
  get isPausing(): boolean {
    return this.#stream === undefined && this.#deps.clock.monotonicMs() < this.#retryAtMs;
  }

  /** Sends a record soon. Not bounded: see {@link SendQueue.queuedBytes}. */
  push(record: QueuedRecord): void {
    if (this.#isClosed || this.isPausing) {
      record.onLost?.("the node cannot be reached");
      return;
    }
    this.#queue.push(record);
    this.#queuedBytes += recordBytes(record);
    if (this.#isPumping) return;
    this.#isPumping = true;
    process.nextTick(() => void this.#pump());
  }

  /** The peer has come back: no need to wait. */
  hurry(): void {
    this.#failures = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Gives up the stream and what waits for it. */
  cut(why: string): void {
    this.#generation += 1;
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.abort();
    this.#lose(why);
  }

  /**
   * Sends what is queued, and then no more. Resolves when the peer has taken in all of it, or the stream is lost;
   * never rejects.
   */
  async end(): Promise<void> {
    if (this.#isPumping) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    this.#isClosed = true;
    // Lost at this moment, it is no worse than before.
    await this.#stream?.end().catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.cut("the node is stopping");
  }

  async #pump(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const stream = this.#stream ?? (await this.#open());
        if (stream === undefined) return;
        const piece = this.#nextPiece();
        if (piece.length === 0) continue;
        let bytes = 0;
        for (const record of piece) {
          bytes += recordBytes(record);
          record.onSending?.();
        }
        try {
          await stream.write(encodeRecords(piece, bytes));
        } catch (error) {
          for (const record of piece) record.onSent?.();
          if (this.#stream === stream) {
            this.#stream = undefined;
            stream.abort();
            this.#deps.onCut(wordsOf(error));
          }
          continue;
        }
        for (const record of piece) record.onSent?.();
      }
    } finally {
      this.#isPumping = false;
      // Records may have come after the last look, or after a cut while a stream was being opened.
      if (this.#queue.length > 0) {
        this.#isPumping = true;
        process.nextTick(() => void this.#pump());
      } else {
        this.#onEmpty?.();
      }
    }
  }

  async #open(): Promise<OutgoingStream | undefined> {
    const { peer, transport, clock, random, limits, stats } = this.#deps;
    const generation = this.#generation;
    try {
      const stream = await transport.openStream(toNodeId(peer), PEER_STREAM_HEADER);
      if (generation !== this.#generation || this.#isClosed) {
        stream.abort();
        return undefined;
      }
      stats.streamsOpened += 1;
      this.#failures = 0;
      this.#stream = stream;
      return stream;
    } catch (error) {
      if (generation !== this.#generation) return undefined;
      const most = Math.min(limits.maxBackoffMs, limits.backoffMs * 2 ** this.#failures);
      this.#failures = Math.min(this.#failures + 1, 16);
      // Half of it at least: all nodes that lost the same peer must not come back in one moment.
      const pauseMs = most / 2 + random.nextInt(Math.ceil(most / 2) + 1);
      this.#retryAtMs = clock.monotonicMs() + pauseMs;
      this.#lose(wordsOf(error));
      return undefined;
    }
  }

  #nextPiece(): readonly QueuedRecord[] {
    const piece: QueuedRecord[] = [];
    let bytes = 0;
    let taken = 0;
    for (const record of this.#queue) {
      const size = recordBytes(record);
      if (piece.length > 0 && bytes + size > MAX_PIECE_BYTES) break;
      taken += 1;
      this.#queuedBytes -= size;
      if (record.isDropped === true) continue;
      bytes += size;
      piece.push(record);
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    return piece;
  }

  #lose(why: string): void {
    const lost = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const record of lost) record.onLost?.(why);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
