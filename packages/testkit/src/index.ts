// Histories: what concurrent clients did, and whether it can have been.

export type { HistoryCounts, RecordedCall } from "./history/history.js";
export { History } from "./history/history.js";
export type { Action, Answer, Operation, Value } from "./history/operation.js";
export type { HistoryVerdict } from "./linearizability/check-history.js";
export { checkHistory } from "./linearizability/check-history.js";
export type { CheckLimits } from "./linearizability/check-key.js";
export { renderCounterexample } from "./linearizability/render.js";
export type { Counterexample } from "./linearizability/shrink.js";
// Processes and the network between them.
export { freeAddresses } from "./process/free-addresses.js";
export { type Ending, ManagedProcess, type ProcessOptions } from "./process/managed-process.js";
export {
  type ClusterNode,
  ProcessCluster,
  type ProcessClusterOptions,
} from "./process/process-cluster.js";
export { withTemporaryDirectory } from "./process/temporary-directory.js";
export { type WaitOptions, waitUntil } from "./process/wait-until.js";
export { type Place, ProxyNetwork } from "./proxy/proxy-network.js";
export {
  type Direction,
  type ProxiedConnection,
  TcpProxy,
  type TcpProxyOptions,
  type Weather,
} from "./proxy/tcp-proxy.js";
