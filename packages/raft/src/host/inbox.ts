/** What has come from other hosts and waits for its turn. Bound: `maxBytes` of frames. */

import type { NodeId } from "../core/ids.js";

export interface ReceivedFrame {
  readonly from: NodeId;
  readonly frame: Uint8Array;
}

export class Inbox {
  readonly #maxBytes: number;
  #frames: ReceivedFrame[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns false when there was no room: the frame is lost, as if by the network */
  push(from: NodeId, frame: Uint8Array): boolean {
    if (this.#bytes > 0 && this.#bytes + frame.length > this.#maxBytes) return false;
    this.#frames.push({ from, frame });
    this.#bytes += frame.length;
    return true;
  }

  /** Takes everything. */
  drain(): readonly ReceivedFrame[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    return frames;
  }
}
