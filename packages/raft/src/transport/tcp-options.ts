/** Settings of the TCP transport, their defaults and their limits. */

import type { PeerCertificate, SecureContextOptions, TlsOptions } from "node:tls";
import { type NodeId, toNodeId } from "../core/ids.js";
import type { Clock, Random } from "../wal/ports.js";
import { toHostPort } from "./tcp-address.js";
import { TcpFaults, type TcpTransportObserver } from "./tcp-faults.js";
import { MAX_CLUSTER_BYTES } from "./tcp-handshake.js";
import { MAX_RECORD_BYTES } from "./tcp-record.js";
import type { PeerAddress } from "./transport.js";

const MIB = 1024 * 1024;

/** Certificates for both directions: this end listens and dials with the same ones. */
export interface TcpTlsOptions
  extends SecureContextOptions,
    Pick<TlsOptions, "requestCert" | "rejectUnauthorized"> {
  /**
   * The name that a peer's certificate must bear. @default the host part of its address
   */
  readonly servername?: string;
  /**
   * Whether this certificate belongs to that node: asked at both ends, once it is found valid. Without
   * it, whoever has a valid certificate may be any node. One that throws refuses; without `ca` the end
   * that accepts is not shown a certificate, and passes `{}`.
   */
  readonly authorize?: (peer: NodeId, certificate: PeerCertificate) => boolean;
}

export interface TcpTransportDeps {
  /** This node, as its peers know it. */
  readonly nodeId: number;
  /** The same on all nodes, and in no other cluster: 1 to 255 bytes of UTF-8. */
  readonly cluster: string;
  /** Where to listen: `"host:port"`; port 0 takes a free one. Others must be able to reach it. */
  readonly listen: PeerAddress;
  /** `nodeHostPorts()` on a real machine. */
  readonly ports: { readonly clock: Clock; readonly random: Random };
}

export interface TcpTransportOptions {
  /** Peers from the start, by node id; this node's own entry is passed over. See `setPeer`. */
  readonly peers?: Readonly<Record<number, PeerAddress>>;
  /** Encrypts all connections; with `ca`, both ends must show a certificate. Without it nothing is
   *  secret and any process that reaches the port may claim to be any node. @default no TLS */
  readonly tls?: TcpTlsOptions;
  /** Largest frame. @default 33_554_432 (32 MiB) */
  readonly maxFrameBytes?: number;
  /** Bytes of frames that wait for one peer; more are refused. @default 67_108_864 (64 MiB) */
  readonly maxQueuedBytes?: number;
  /** Streams with one peer at once, in each direction. @default 16 */
  readonly maxStreamsPerPeer?: number;
  /** Nodes that are listened to though their address is not known (yet), such as one that joins.
   *  @default 64 */
  readonly maxGuests?: number;
  /** Connections that are shaking hands at once; another one takes the place of the oldest. @default 64 */
  readonly maxHandshakes?: number;
  /** From the first packet to agreement, at both ends. @default 5_000 */
  readonly handshakeTimeoutMs?: number;
  /** Between signs of life on a connection that is idle. @default 1_000 */
  readonly keepAliveMs?: number;
  /** So many `keepAliveMs` without a sign of life end a connection. @default 4 */
  readonly maxSilentKeepAlives?: number;
  /** Before a peer is dialled again the first time; doubles with each failure, and is then cut by up to a
   *  half by chance, so that nodes do not dial in step. @default 50 */
  readonly minRedialMs?: number;
  /** @default 2_000 */
  readonly maxRedialMs?: number;
  readonly observer?: TcpTransportObserver;
}

type ResolvedTcpOptions = Required<Omit<TcpTransportOptions, "tls" | "peers" | "observer">>;

const DEFAULTS: ResolvedTcpOptions = {
  maxFrameBytes: 32 * MIB,
  maxQueuedBytes: 64 * MIB,
  maxStreamsPerPeer: 16,
  maxGuests: 64,
  maxHandshakes: 64,
  handshakeTimeoutMs: 5_000,
  keepAliveMs: 1_000,
  maxSilentKeepAlives: 4,
  minRedialMs: 50,
  maxRedialMs: 2_000,
};

/** What all parts of one transport share. */
export interface TcpContext {
  readonly nodeId: NodeId;
  readonly cluster: Buffer;
  readonly listen: PeerAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly tls: TcpTlsOptions | undefined;
  readonly limits: ResolvedTcpOptions;
  readonly faults: TcpFaults;
  readonly traffic: TcpTraffic;
}

/** What has gone over all connections so far, for metrics. */
export interface TcpTraffic {
  framesSent: number;
  framesReceived: number;
  bytesSent: number;
  bytesReceived: number;
}

/** @throws RangeError naming what is out of range */
export function toTcpContext(deps: TcpTransportDeps, options: TcpTransportOptions): TcpContext {
  const { peers: _, tls, observer = {}, ...given } = options;
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const limits: ResolvedTcpOptions = { ...DEFAULTS, ...Object.fromEntries(set) };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new RangeError(`${name} must be an integer of at least 1: ${value}`);
  }
  if (limits.maxFrameBytes > MAX_RECORD_BYTES) {
    throw new RangeError(`maxFrameBytes must be at most ${MAX_RECORD_BYTES}`);
  }
  const cluster = Buffer.from(deps.cluster, "utf8");
  if (cluster.length === 0 || cluster.length > MAX_CLUSTER_BYTES) {
    throw new RangeError(`a cluster has a name of 1 to ${MAX_CLUSTER_BYTES} bytes`);
  }
  toHostPort(deps.listen, 0);
  return {
    nodeId: toNodeId(deps.nodeId),
    cluster,
    listen: deps.listen,
    clock: deps.ports.clock,
    random: deps.ports.random,
    tls,
    limits,
    faults: new TcpFaults(observer),
    traffic: { framesSent: 0, framesReceived: 0, bytesSent: 0, bytesReceived: 0 },
  };
}
