/** As much of etcd's documented gRPC API as is measured: KV.Put and KV.Range. Numbers of fields are facts. */
import { type CallOptions, type Channel, createClient } from "nice-grpc";
import protobuf from "protobufjs";

const CONTRACT = `
syntax = "proto3";
package etcdserverpb;
message PutRequest { bytes key = 1; bytes value = 2; }
message PutResponse {}
message RangeRequest { bytes key = 1; }
message KeyValue { bytes key = 1; bytes value = 5; }
message RangeResponse { repeated KeyValue kvs = 2; }
`;

const { root } = protobuf.parse(CONTRACT);

interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
interface RangeRequest {
  readonly key: Uint8Array;
}
interface RangeResponse {
  readonly kvs: readonly { readonly value: Uint8Array }[];
}

/** A codec in the shape of grpc-js's generated ones. */
function codec<T extends object>(name: string) {
  const type = root.lookupType(`etcdserverpb.${name}`);
  return {
    serialize: (value: T) => Buffer.from(type.encode(value).finish()),
    deserialize: (bytes: Buffer) => type.decode(bytes) as unknown as T,
  };
}

function method<Request extends object, Response extends object>(
  path: string,
  request: string,
  response: string,
) {
  const [requests, responses] = [codec<Request>(request), codec<Response>(response)];
  return {
    ...({ path, requestStream: false, responseStream: false } as const),
    requestSerialize: requests.serialize,
    requestDeserialize: requests.deserialize,
    responseSerialize: responses.serialize,
    responseDeserialize: responses.deserialize,
  };
}

const SERVICE = {
  put: method<PutRequest, object>("/etcdserverpb.KV/Put", "PutRequest", "PutResponse"),
  range: method<RangeRequest, RangeResponse>(
    "/etcdserverpb.KV/Range",
    "RangeRequest",
    "RangeResponse",
  ),
} as const;

export interface EtcdKv {
  put(request: PutRequest, options?: CallOptions): Promise<object>;
  /** Linearizable, as is etcd's default. */
  range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse>;
}

export function etcdKv(channel: Channel): EtcdKv {
  return createClient(SERVICE, channel);
}
