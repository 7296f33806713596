// For applications.
export type { ClusterAdmin, CreateKeyspaceOptions } from "./cluster-admin.js";
export type { ClusterNodeStatus, ClusterStatus, ShardStatus } from "./cluster-status.js";
export type {
  CampaignOptions,
  Election,
  Leader,
  Leadership,
  ObserveOptions,
} from "./election.js";
export type { ClientErrorCode, Outcome } from "./errors.js";
export { CLIENT_ERROR_CODES, ClientError, isClientError } from "./errors.js";
export type { CallSummary, InterceptedCall, Interceptor } from "./interceptors.js";
export type { Key } from "./keys.js";
export type { Lease, LeaseOptions } from "./lease.js";
export type { Lock, LockOptions } from "./lock.js";
export type { LogEntry, Logger } from "./log.js";
export type { ClientOptions, RetryOptions, TitanClientConstructor } from "./options.js";
// For bring-your-own time, randomness and network.
export type {
  ClientPorts,
  Clock,
  Connection,
  Endpoint,
  Random,
  Transport,
  UnaryCalls,
} from "./ports.js";
export { RpcFailure } from "./ports.js";
export type {
  BatchOperation,
  BatchOptions,
  BatchResult,
  CallOptions,
  CasRequest,
  CasResult,
  Comparison,
  DeleteOptions,
  Entry,
  Expected,
  IncrementResult,
  KeyEntry,
  KeyspaceInfo,
  NodeStatus,
  PutEntry,
  PutOptions,
  ReadOptions,
  ScanOptions,
  TxnAnswer,
  TxnCompare,
  TxnOperation,
  TxnRequest,
  TxnResult,
  WriteOptions,
  WriteResult,
} from "./requests.js";
export { TitanClient } from "./titan-client.js";
export type { JsonValue, ValueCodec } from "./values.js";
export { bytesValues, jsonValues, stringValues } from "./values.js";
export type {
  KeyWatchEvent,
  Watch,
  WatchEvent,
  WatchOptions,
  WatchPosition,
} from "./watch-requests.js";
