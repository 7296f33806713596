/**
 * What the client asks of the outside world. Everything that is not a pure function of its input enters
 * through these interfaces, so that a test can play the clock, the dice and the network.
 */
import type {
  BatchRequest,
  BatchResponse,
  CloseSessionRequest,
  CloseSessionResponse,
  CompareAndSetRequest,
  CompareAndSetResponse,
  CreateKeyspaceRequest,
  CreateKeyspaceResponse,
  DeleteRequest,
  DeleteResponse,
  DropKeyspaceRequest,
  DropKeyspaceResponse,
  GetClusterMapRequest,
  GetClusterMapResponse,
  GetRequest,
  GetResponse,
  GetStatusRequest,
  GetStatusResponse,
  IncrementRequest,
  IncrementResponse,
  LeaveRequest,
  LeaveResponse,
  ListKeyspacesRequest,
  ListKeyspacesResponse,
  OpenSessionRequest,
  OpenSessionResponse,
  PutRequest,
  PutResponse,
  ScanRequest,
  ScanResponse,
  SetBalancerRequest,
  SetBalancerResponse,
  TransferLeaderRequest,
  TransferLeaderResponse,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from "@titan/proto";

/** Time source. Tests pass a virtual one. */
export interface Clock {
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /**
   * Calls `callback` once, `delayMs` or more from now.
   * @returns a function that cancels the call; idempotent
   */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Uniform integers in `[0, bound)`, `1 <= bound <= 2^32`; seeded in tests so a failing run replays. */
export interface Random {
  nextInt(bound: number): number;
}

/** Where a node listens. `port` in `[1, 65535]`; `host` without brackets. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** `host:port` as messages show it, IPv6 in brackets. Unique within a client. */
  readonly address: string;
}

/** Request and answer of each call that has one of each. */
export interface UnaryCalls {
  put: [PutRequest, PutResponse];
  get: [GetRequest, GetResponse];
  delete: [DeleteRequest, DeleteResponse];
  batch: [BatchRequest, BatchResponse];
  compareAndSet: [CompareAndSetRequest, CompareAndSetResponse];
  increment: [IncrementRequest, IncrementResponse];
  txn: [TxnRequest, TxnResponse];
  openSession: [OpenSessionRequest, OpenSessionResponse];
  closeSession: [CloseSessionRequest, CloseSessionResponse];
  getStatus: [GetStatusRequest, GetStatusResponse];
  getClusterMap: [GetClusterMapRequest, GetClusterMapResponse];
  leave: [LeaveRequest, LeaveResponse];
  setBalancer: [SetBalancerRequest, SetBalancerResponse];
  transferLeader: [TransferLeaderRequest, TransferLeaderResponse];
  listKeyspaces: [ListKeyspacesRequest, ListKeyspacesResponse];
  createKeyspace: [CreateKeyspaceRequest, CreateKeyspaceResponse];
  dropKeyspace: [DropKeyspaceRequest, DropKeyspaceResponse];
}

/**
 * A connection that is up. Calls on it fail with {@link RpcFailure}, or with anything when `signal` has
 * fired. When it breaks, calls on it fail and `isUp()` is false; it never comes back.
 */
export interface Connection {
  /** @param timeLeftMs told to the server, which then can say in time why it has no answer */
  call<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    signal: AbortSignal,
    timeLeftMs: number,
  ): Promise<UnaryCalls[M][1]>;
  /** Flow-controlled: reads at most a few pages ahead. Ending the iteration cancels the call. */
  scan(request: ScanRequest, signal: AbortSignal): AsyncIterable<ScanResponse>;
  /** As {@link Connection.scan}, without an end of its own. */
  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<WatchResponse>;
  /** Whether calls can be sent at this moment. */
  isUp(): boolean;
  /** Stops taking calls. Calls under way may still finish. Idempotent. */
  close(): void;
}

/** Takes the number of a shard and of the node that leads it, as the cluster's map has them. */
export type OnLeader = (shard: number, node: number) => void;

/** Makes connections. */
export interface Transport {
  /**
   * Resolves once a connection is up, with TCP, and whatever handshakes there are, behind it.
   * Rejects when it cannot be had, saying why, or when `signal` fires; leaves nothing behind then.
   * @param onLeader to be told when the server says which node leads a shard
   */
  connect(endpoint: Endpoint, signal: AbortSignal, onLeader: OnLeader): Promise<Connection>;
}

/** A call that a server, or the connection to it, failed. */
export class RpcFailure extends Error {
  override readonly name: string = "RpcFailure";
  /** gRPC status code, 1 to 16. */
  readonly status: number;
  /** google.rpc.ErrorInfo of the failure, when it had one of the domain `titan.v1`. */
  readonly info: { readonly reason: string; readonly metadata: Record<string, string> } | undefined;
  /** google.rpc.RetryInfo of the failure, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Whether it is certain that no server has looked at the call. */
  readonly neverSent: boolean;

  constructor(
    init: Pick<RpcFailure, "status" | "message" | "info" | "retryAfterMs"> &
      Partial<Pick<RpcFailure, "neverSent">>,
    options?: ErrorOptions,
  ) {
    super(init.message, options);
    this.status = init.status;
    this.info = init.info;
    this.retryAfterMs = init.retryAfterMs;
    this.neverSent = init.neverSent ?? false;
  }
}

/** All ports of a client. */
export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
}
