/** The messages that the benchmarks encode and decode: what a loaded node sees. Fixed contents. */
import * as kv from "../src/gen/titan/v1/codec.js";

const key = Uint8Array.from({ length: 16 }, (_, at) => 97 + (at % 26));
const value = Uint8Array.from({ length: 1024 }, (_, at) => at & 0xff);
const writeId = { sessionId: key, sequence: 123_456, acknowledgedBelow: 123_400 };
const entry = { key, value: value.subarray(0, 100), revision: 9_876_543_210, ttlMs: undefined };

export const MESSAGES = {
  "PutRequest, 16 B key, 1 KiB value": ["PutRequest", kv.PutRequest.create({ key, value })],
  "PutRequest, 16 B key, 100 B value, write id": [
    "PutRequest",
    kv.PutRequest.create({ key, value: value.subarray(0, 100), keyspace: "default", writeId }),
  ],
  PutResponse: ["PutResponse", kv.PutResponse.create({ revision: 9_876_543_210, shard: 7 })],
  GetRequest: ["GetRequest", kv.GetRequest.create({ key })],
  "GetResponse, 1 KiB value": [
    "GetResponse",
    kv.GetResponse.create({
      found: true,
      value,
      revision: 9_876_543_210,
      shard: 7,
      shardRevision: 9_876_543_299,
    }),
  ],
  "BatchRequest, 64 puts of 100 B": [
    "BatchRequest",
    kv.BatchRequest.create({
      operations: Array.from({ length: 64 }, () => ({
        operation: { $case: "put" as const, value: { key, value: entry.value } },
      })),
    }),
  ],
  "ScanResponse, 256 entries of 100 B": [
    "ScanResponse",
    kv.ScanResponse.create({ entries: Array.from({ length: 256 }, () => entry), cursor: key }),
  ],
} as const;
