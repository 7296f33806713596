/** A transport under test, with a clock in the test's hand, and all that it tells. */

import { ManualClock } from "@titan/bitcask/testing";
import type { TcpFault } from "../../../src/transport/tcp-faults.js";
import type { TcpTransportOptions } from "../../../src/transport/tcp-options.js";
import { TcpTransport } from "../../../src/transport/tcp-transport.js";
import type { TransportHandler } from "../../../src/transport/transport.js";
import { CLUSTER } from "./raw-peer.js";

export class TcpNode implements TransportHandler {
  readonly clock = new ManualClock();
  /** How long the process has stood still, all in all: no timer ran then. */
  stoodStillMs = 0;
  readonly frames: string[] = [];
  readonly states: string[] = [];
  readonly faults: TcpFault[] = [];
  readonly transport: TcpTransport;
  streamWork: TransportHandler["onStream"] = async () => undefined;
  /** Draws of chance, each the largest or the smallest that there may be. */
  isLucky = false;

  constructor(options: TcpTransportOptions = {}, id = 1) {
    const random = { nextInt: (bound: number) => (this.isLucky ? bound - 1 : 0) };
    const observer = { onFault: (fault: TcpFault) => this.faults.push(fault) };
    const clock = {
      monotonicMs: () => this.clock.monotonicMs() + this.stoodStillMs,
      wallMs: () => this.clock.wallMs() + this.stoodStillMs,
      schedule: (delayMs: number, run: () => void) => this.clock.schedule(delayMs, run),
    };
    this.transport = new TcpTransport(
      { nodeId: id, cluster: CLUSTER, listen: "127.0.0.1:0", ports: { clock, random } },
      { observer, ...options },
    );
  }

  static async start(options: TcpTransportOptions = {}, id = 1): Promise<TcpNode> {
    const node = new TcpNode(options, id);
    await node.transport.start(node);
    return node;
  }

  get address(): string {
    return this.transport.address;
  }

  onFrame(from: number, frame: Uint8Array): void {
    this.frames.push(`${from}:${Buffer.from(frame).toString("latin1")}`);
  }

  onPeerState(peer: number, state: string): void {
    this.states.push(`${peer}:${state}`);
  }

  async onStream(...args: Parameters<TransportHandler["onStream"]>): Promise<void> {
    await this.streamWork(...args);
  }
}
