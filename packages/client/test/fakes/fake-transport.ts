/** A network in which the test decides what each connection and each call does. */
import type {
  GetClusterMapResponse,
  ScanRequest,
  ScanResponse,
  WatchRequest,
  WatchResponse,
} from "@titan/proto";
import {
  type Connection,
  type Endpoint,
  type OnLeader,
  type Random,
  RpcFailure,
  type Transport,
  type UnaryCalls,
} from "../../src/ports.js";

/** What an endpoint does with an attempt to connect. */
export type Reachability = "up" | "refused" | "silent";

/** What a server does with a call: answers, fails, or never settles. */
export type Reply = { readonly found: boolean } | RpcFailure | "silence";

/** Frames of a watch; a failure or silence is the last one. */
export type Frames =
  | Iterable<WatchResponse | RpcFailure | "silence">
  | AsyncIterable<WatchResponse | RpcFailure | "silence">;

export class FakeTransport implements Transport {
  /** Addresses in the order of the attempts to connect. */
  readonly dialled: string[] = [];
  /** Addresses in the order of the calls sent. */
  readonly sent: string[] = [];
  readonly reach = new Map<string, Reachability>();
  /** Addresses in the order in which they were asked for the cluster's map. */
  readonly askedForMap: string[] = [];
  /** The map; a server of old has none. */
  map: (address: string) => GetClusterMapResponse = () => {
    throw failure(12);
  };
  reply: (address: string) => Reply = () => ({ found: false });
  /** What a server tells a watch. */
  frames: (address: string, request: WatchRequest, signal: AbortSignal) => Frames = () => [];
  private readonly listeners: OnLeader[] = [];
  private readonly connections = new Set<{ readonly address: string; up: boolean }>();

  async connect(
    { address }: Endpoint,
    signal: AbortSignal,
    onLeader: OnLeader = () => {},
  ): Promise<Connection> {
    this.listeners.push(onLeader);
    this.dialled.push(address);
    const how = this.reach.get(address) ?? "up";
    if (how === "refused") throw new Error("connect ECONNREFUSED");
    if (how === "silent") await rejection(signal);
    const state = { address, up: true };
    this.connections.add(state);
    return {
      call: (method, _request, callSignal) => this.answer(method, state, callSignal),
      scan: () => noPages(),
      watch: (request, watchSignal) => this.tell(address, request, watchSignal),
      isUp: () => state.up,
      close: () => {
        state.up = false;
        this.connections.delete(state);
      },
    };
  }

  /** Connections that nobody has closed. */
  get open(): number {
    return this.connections.size;
  }

  /** A server says who leads a shard. */
  hint(shard: number, node: number): void {
    for (const listener of this.listeners) listener(shard, node);
  }

  /** Cuts the connections to `address`, and refuses others. */
  cut(address: string): void {
    this.reach.set(address, "refused");
    for (const each of this.connections) if (each.address === address) each.up = false;
  }

  private async *tell(
    address: string,
    request: WatchRequest,
    signal: AbortSignal,
  ): AsyncGenerator<WatchResponse, void> {
    this.sent.push(address);
    for await (const frame of this.frames(address, request, signal)) {
      if (frame === "silence") await rejection(signal);
      else if (frame instanceof RpcFailure) throw frame;
      else yield frame;
    }
  }

  private async answer<M extends keyof UnaryCalls>(
    method: M,
    state: { readonly address: string },
    signal: AbortSignal,
  ): Promise<UnaryCalls[M][1]> {
    if (method === "getClusterMap") {
      this.askedForMap.push(state.address);
      return this.map(state.address);
    }
    this.sent.push(state.address);
    const reply = this.reply(state.address);
    if (reply === "silence") return rejection(signal);
    if (reply instanceof RpcFailure) throw reply;
    const answer: Partial<UnaryCalls["get"][1]> = {
      ...reply,
      revision: 1,
      value: new Uint8Array(),
    };
    return answer;
  }
}

/** A failure as the real transport makes it. */
export function failure(
  status: number,
  reason?: string,
  options: {
    readonly outcome?: string;
    readonly retryAfterMs?: number;
    readonly message?: string;
  } = {},
): RpcFailure {
  const metadata: Record<string, string> =
    options.outcome === undefined ? {} : { outcome: options.outcome };
  return new RpcFailure({
    status,
    message: options.message ?? reason ?? `status ${status}`,
    info: reason === undefined ? undefined : { reason, metadata },
    retryAfterMs: options.retryAfterMs,
  });
}

/** Dice that always fall on 0: no jitter, first endpoint first. */
export const zeroes: Random = { nextInt: () => 0 };

/** Dice with a memory: the same seed, the same throws (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return {
    nextInt(bound) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
    },
  };
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

async function* noPages(_request?: ScanRequest): AsyncGenerator<ScanResponse, void> {}
