/**
 * The contract of a Titan cluster as TypeScript: services for nice-grpc, and the messages they carry.
 * What a message or field means is written in proto/titan/v1, and in the comments of the types here.
 */

export type { ErrorReason } from "./error-reason.js";
// Errors.
export { ERROR_DOMAIN, ERROR_REASONS } from "./error-reason.js";
export type {
  ClusterServiceClient,
  ClusterServiceImplementation,
} from "./gen/titan/v1/cluster.js";
// Keys and values.
// Administration.
export {
  BatchRequest,
  BatchResponse,
  Change,
  CloseSessionRequest,
  CloseSessionResponse,
  ClusterServiceDefinition,
  Compacted,
  Compare,
  CompareAndSetRequest,
  CompareAndSetResponse,
  CreateKeyspaceRequest,
  CreateKeyspaceResponse,
  DeleteOperation,
  DeleteRequest,
  DeleteResponse,
  DropKeyspaceRequest,
  DropKeyspaceResponse,
  GetOperation,
  GetRequest,
  GetResponse,
  GetStatusRequest,
  GetStatusResponse,
  IncrementRequest,
  IncrementResponse,
  KeyRange,
  Keyspace,
  KeyValue,
  KvServiceDefinition,
  Limits,
  ListKeyspacesRequest,
  ListKeyspacesResponse,
  OpenSessionRequest,
  OpenSessionResponse,
  PutOperation,
  PutRequest,
  PutResponse,
  ReadOptions,
  ScanRequest,
  ScanResponse,
  ShardRevision,
  StoreStatus,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  TxnResult,
  WatchRequest,
  WatchResponse,
  WriteId,
  WriteOperation,
} from "./gen/titan/v1/codec.js";
export type { DeepPartial, KvServiceClient, KvServiceImplementation } from "./gen/titan/v1/kv.js";
export { ChangeKind, CompareOperator, Consistency } from "./gen/titan/v1/kv.js";
// What a message can do.
export type { MessageType } from "./message-type.js";
export type { ProtoErrorCode } from "./proto-error.js";
export { MAX_ELEMENTS, ProtoError } from "./proto-error.js";

// Server reflection.
export { fileDescriptorSet, SERVICE_NAMES } from "./reflection.js";
