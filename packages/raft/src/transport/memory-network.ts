/**
 * Transports of hosts that live in one process. Frames between two nodes arrive in order, none is lost
 * but by a full queue or a close; {@link LossyTransport} makes it worse. With a virtual clock every run
 * is the same.
 */

import { type NodeId, toNodeId } from "../core/ids.js";
import type { Clock } from "../wal/ports.js";
import { MemoryTransport } from "./memory-transport.js";

export interface MemoryNetworkOptions {
  /** Counts `latencyMs`; virtual in deterministic tests. @default none: the event loop's next turn */
  readonly clock?: Pick<Clock, "schedule">;
  /** From sending to arrival; needs `clock`. @default 0 */
  readonly latencyMs?: number;
  /** Bytes on their way from one node to another; more are refused. @default 67_108_864 (64 MiB) */
  readonly maxQueuedBytes?: number;
  /** Largest frame. @default 33_554_432 (32 MiB) */
  readonly maxFrameBytes?: number;
}

export class MemoryNetwork {
  readonly maxQueuedBytes: number;
  readonly maxFrameBytes: number;
  readonly #options: MemoryNetworkOptions;
  readonly #running = new Map<NodeId, MemoryTransport>();

  constructor(options: MemoryNetworkOptions = {}) {
    this.#options = options;
    this.maxQueuedBytes = options.maxQueuedBytes ?? 64 * 1024 * 1024;
    this.maxFrameBytes = options.maxFrameBytes ?? 32 * 1024 * 1024;
  }

  /** A transport of node `id`. Two of one node do not run at once; after a close a new one may. */
  transport(id: number): MemoryTransport {
    return new MemoryTransport(toNodeId(id), this);
  }

  /** @internal Calls `run` after the latency, in the order of calls. */
  later(run: () => void): void {
    const { clock, latencyMs = 0 } = this.#options;
    if (clock === undefined) setImmediate(run);
    else clock.schedule(latencyMs, run);
  }

  /** @internal */
  running(id: NodeId): MemoryTransport | undefined {
    return this.#running.get(id);
  }

  /** @internal A node appears; everyone who knows it learns of it. @returns false when it runs already */
  join(id: NodeId, transport: MemoryTransport): boolean {
    if (this.#running.has(id)) return false;
    this.#running.set(id, transport);
    for (const other of this.#running.values()) other.lookAround();
    return true;
  }

  /** @internal */
  leave(id: NodeId): void {
    this.#running.delete(id);
    for (const other of this.#running.values()) other.lookAround();
  }
}
