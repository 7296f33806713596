/** How hosts reach one another: the port, one over TCP, and one within a process. */

export type { RaftTransportErrorCode } from "./errors.js";
export { isRaftTransportError, RaftTransportError } from "./errors.js";
export type { LossyTransportDeps, NetworkFaults } from "./lossy-transport.js";
export { LossyTransport } from "./lossy-transport.js";
export type { MemoryNetworkOptions } from "./memory-network.js";
export { MemoryNetwork } from "./memory-network.js";
export type { MemoryTransport } from "./memory-transport.js";
export type { TcpFault, TcpFaultDetail, TcpTransportObserver } from "./tcp-faults.js";
export type { TcpTlsOptions, TcpTransportDeps, TcpTransportOptions } from "./tcp-options.js";
export type { TcpTransportStats } from "./tcp-transport.js";
export { TcpTransport } from "./tcp-transport.js";
export type {
  OutgoingStream,
  PeerAddress,
  PeerState,
  Transport,
  TransportHandler,
} from "./transport.js";
export { MAX_STREAM_HEADER_BYTES } from "./transport.js";
