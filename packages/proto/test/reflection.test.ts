/** The descriptors for server reflection, beside what really travels. */
import { createFileRegistry, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { HealthDefinition } from "nice-grpc-server-health";
import { expect, test } from "vitest";
import {
  ClusterServiceDefinition,
  ERROR_REASONS,
  fileDescriptorSet,
  KvServiceDefinition,
  PipelineServiceDefinition,
  SERVICE_NAMES,
} from "../src/index.js";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fileDescriptorSet()));
const definitions = [
  ...[KvServiceDefinition, PipelineServiceDefinition, ClusterServiceDefinition],
  HealthDefinition,
];

test("every service is described, with the methods that are served", () => {
  expect(definitions.map(({ fullName }) => fullName)).toEqual([...SERVICE_NAMES]);
  for (const { fullName, methods } of definitions) {
    const described = registry.getService(fullName)?.methods.map(({ name, methodKind }) => ({
      name,
      responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
    }));
    const served = Object.values(methods).map(({ name, responseStream }) => ({
      name,
      responseStream,
    }));
    expect(described).toEqual(served);
  }
});

test("the health messages are those that nice-grpc's health service sends", () => {
  const { requestType, responseType } = HealthDefinition.methods.check;
  expect([...requestType.encode({ service: "a" }).finish()]).toEqual([0x0a, 1, 97]);
  expect([...responseType.encode({ status: 2 as never }).finish()]).toEqual([0x08, 2]);
  const service = registry.getMessage("grpc.health.v1.HealthCheckRequest")?.field["service"];
  expect([service?.number, service?.scalar]).toEqual([1, ScalarType.STRING]);
  const status = registry.getMessage("grpc.health.v1.HealthCheckResponse")?.field["status"];
  expect([status?.number, status?.enum?.value[2]?.name]).toEqual([1, "NOT_SERVING"]);
});

test("the error details that Titan sends can be printed", () => {
  expect(registry.getMessage("google.rpc.ErrorInfo")?.fields.map(({ name }) => name)).toEqual([
    "reason",
    "domain",
    "metadata",
  ]);
  const delay = registry.getMessage("google.rpc.RetryInfo")?.field["retryDelay"];
  expect(delay?.message?.typeName).toBe("google.protobuf.Duration");
});

test("the reasons are the contract's, without their prefix", () => {
  const described = registry.getEnum("titan.v1.ErrorReason")?.values.map(({ name }) => name) ?? [];
  expect(described[0]).toBe("ERROR_REASON_UNSPECIFIED");
  expect(described.slice(1)).toEqual(ERROR_REASONS.map((reason) => `ERROR_REASON_${reason}`));
});

test("each caller owns its copy of the descriptors", () => {
  fileDescriptorSet().fill(0);
  expect(fileDescriptorSet()[0]).toBe(0x0a);
});
