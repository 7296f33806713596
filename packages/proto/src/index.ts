// biome-ignore-all assist/source/organizeImports: in reading order
/**
 * The contract of a Titan cluster as TypeScript: services for nice-grpc, and the messages they carry.
 * What a message or field means is written in proto/titan/v1, and in the comments of the types here.
 */

// Keys and values.
export {
  BatchRequest,
  BatchResponse,
  Change,
  CloseSessionRequest,
  CloseSessionResponse,
  Compacted,
  Compare,
  CompareAndSetRequest,
  CompareAndSetResponse,
  DeleteOperation,
  DeleteRequest,
  DeleteResponse,
  GetOperation,
  GetRequest,
  GetResponse,
  IncrementRequest,
  IncrementResponse,
  KeyRange,
  KeyValue,
  KvServiceDefinition,
  OpenSessionRequest,
  OpenSessionResponse,
  PutOperation,
  PutRequest,
  PutResponse,
  ReadOptions,
  ScanRequest,
  ScanResponse,
  ShardRevision,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  TxnResult,
  WatchRequest,
  WatchResponse,
  WriteId,
  WriteOperation,
} from "./gen/titan/v1/codec.js";
export { ChangeKind, CompareOperator, Consistency } from "./gen/titan/v1/kv.js";
export type { DeepPartial, KvServiceClient, KvServiceImplementation } from "./gen/titan/v1/kv.js";

// Administration.
export {
  ClusterNode,
  ClusterReplica,
  ClusterServiceDefinition,
  ClusterShard,
  ClusterStatus,
  CreateKeyspaceRequest,
  CreateKeyspaceResponse,
  DropKeyspaceRequest,
  DropKeyspaceResponse,
  GetClusterMapRequest,
  GetClusterMapResponse,
  GetStatusRequest,
  GetStatusResponse,
  HelloRequest,
  HelloResponse,
  JoinRequest,
  JoinResponse,
  Keyspace,
  LeaveRequest,
  LeaveResponse,
  Limits,
  ListKeyspacesRequest,
  ListKeyspacesResponse,
  NodeStatus,
  ReplicaStatus,
  SetBalancerRequest,
  SetBalancerResponse,
  ShardStatus,
  StoreStatus,
  TransferLeaderRequest,
  TransferLeaderResponse,
} from "./gen/titan/v1/codec.js";
export { NodeState } from "./gen/titan/v1/cluster.js";
export type {
  ClusterServiceClient,
  ClusterServiceImplementation,
} from "./gen/titan/v1/cluster.js";

// Calls of KvService, pipelined.
export {
  FailureDetail,
  PipelineAnswer,
  PipelineCall,
  PipelineFailure,
  PipelineRequest,
  PipelineResponse,
  PipelineServiceDefinition,
  ShardLeader,
} from "./gen/titan/v1/codec.js";
export type {
  PipelineServiceClient,
  PipelineServiceImplementation,
} from "./gen/titan/v1/pipeline.js";

// Errors.
export { ERROR_DOMAIN, ERROR_REASONS } from "./error-reason.js";
export type { ErrorReason } from "./error-reason.js";
export { MAX_ELEMENTS, ProtoError } from "./proto-error.js";
export type { ProtoErrorCode } from "./proto-error.js";

// What a message can do.
export type { MessageType } from "./message-type.js";

// Server reflection.
export { fileDescriptorSet, SERVICE_NAMES } from "./reflection.js";
