/** KvService: checks what a message alone can tell, calls the key-value layer, shapes the answer. */
import type {
  BatchRequest,
  CompareAndSetRequest,
  DeleteRequest,
  GetRequest,
  IncrementRequest,
  KvServiceImplementation,
  PutRequest,
  ScanRequest,
  ScanResponse,
  TxnRequest,
} from "@titan/proto";
import { keyspaceNumber } from "../kv/keyspace.js";
import type { KvStore } from "../kv/kv-store.js";
import type { Calls } from "./calls.js";
import * as codec from "./kv-codec.js";
import { checkReadOptions, notImplemented, refuseWriteId } from "./request-checks.js";
import { bytesOfBatch, bytesOfCas, bytesOfKey, bytesOfPut, bytesOfTxn } from "./request-weights.js";

/** The service over `store`. */
export function createKvService(store: KvStore, calls: Calls): KvServiceImplementation {
  const shard = codec.ONLY_SHARD;
  return {
    put: calls.write(bytesOfPut, async (request: PutRequest) => {
      refuseWriteId(request.writeId);
      return { revision: await store.put(keyspaceNumber(request.keyspace), request), shard };
    }),
    get: calls.read((request: GetRequest) => {
      const keyspace = keyspaceNumber(request.keyspace);
      checkReadOptions(request.read, store.revision);
      const entry = store.get(keyspace, request.key);
      return codec.fromRead(entry, { shard, shardRevision: store.revision, nowMs: store.nowMs() });
    }),
    delete: calls.write(bytesOfKey, async (request: DeleteRequest) => {
      refuseWriteId(request.writeId);
      return { ...(await store.delete(keyspaceNumber(request.keyspace), request.key)), shard };
    }),
    batch: calls.write(bytesOfBatch, async (request: BatchRequest) => {
      refuseWriteId(request.writeId);
      const operations = request.operations.map(codec.toWriteOperation);
      const revision = await store.batch(keyspaceNumber(request.keyspace), operations);
      return { revisions: operations.length === 0 ? [] : [{ shard, revision }] };
    }),
    compareAndSet: calls.write(bytesOfCas, async (request: CompareAndSetRequest) => {
      refuseWriteId(request.writeId);
      const result = await store.compareAndSet({
        ...codec.toCompareAndSet(request),
        keyspace: keyspaceNumber(request.keyspace),
      });
      if (result.applied) {
        return { applied: true, revision: result.revision, current: undefined, shard };
      }
      const current = result.current && codec.fromEntry(request.key, result.current, store.nowMs());
      return { applied: false, revision: 0, current, shard };
    }),
    increment: calls.write(bytesOfKey, async (request: IncrementRequest) => {
      refuseWriteId(request.writeId);
      return { ...(await store.increment(keyspaceNumber(request.keyspace), request)), shard };
    }),
    txn: calls.write(bytesOfTxn, async (request: TxnRequest) => {
      refuseWriteId(request.writeId);
      const txn = { ...codec.toTxn(request), keyspace: keyspaceNumber(request.keyspace) };
      return codec.fromTxnResult(await store.txn(txn), shard, store.nowMs());
    }),
    scan: calls.pages((request: ScanRequest) => scan(store, request)),
    watch: calls.refusedStream(() => notImplemented("Watch")),
    openSession: calls.read(() => {
      throw notImplemented("OpenSession");
    }),
    closeSession: calls.read(() => {
      throw notImplemented("CloseSession");
    }),
  };
}

async function* scan(
  store: KvStore,
  request: ScanRequest,
): AsyncGenerator<ScanResponse, void, undefined> {
  checkReadOptions(request.read, store.revision);
  for await (const page of store.scan(codec.toScan(request, keyspaceNumber(request.keyspace)))) {
    const nowMs = store.nowMs();
    const entries = page.entries.map((entry) => codec.fromEntry(entry.key, entry, nowMs));
    yield { entries, cursor: page.cursor };
  }
}
