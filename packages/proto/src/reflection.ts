/** What a server needs to answer reflection, so that grpcurl and its like work without a .proto at hand. */
import { DESCRIPTORS_BASE64 } from "./gen/descriptors.js";

/** Full names of the services of the contract, and of gRPC's health service. For allow-lists. */
export const SERVICE_NAMES = Object.freeze([
  "titan.v1.KvService",
  "titan.v1.PipelineService",
  "titan.v1.ClusterService",
  "grpc.health.v1.Health",
] as const);

/**
 * The descriptors of titan.v1, of grpc.health.v1, and of the google.rpc error details that Titan sends,
 * with all that they import.
 * @returns a google.protobuf.FileDescriptorSet in wire format; a fresh copy that the caller owns
 */
export function fileDescriptorSet(): Uint8Array {
  return Uint8Array.from(Buffer.from(DESCRIPTORS_BASE64, "base64"));
}
