/** The composition root: makes every part of a node, in order, and takes them down again. */
import type { GetStatusResponse } from "@titan/proto";
import { SERVICE_NAMES } from "@titan/proto";
import { openEngine, type StorePorts } from "./bitcask-engine.js";
import type { Settings } from "./config/settings.js";
import { type GrpcServer, listenGrpc } from "./grpc-server.js";
import type { Engine } from "./kv/engine.js";
import { KvError } from "./kv/kv-error.js";
import { KvStore } from "./kv/kv-store.js";
import { RevisionSource } from "./kv/revision.js";
import type { Logger } from "./logger.js";
import { NodeError } from "./node-error.js";
import { NODE_RECORD_COUNT, readNodeRecord, writeNodeRecord } from "./node-record.js";
import { Admission } from "./services/admission.js";
import { Calls } from "./services/calls.js";
import { createClusterService } from "./services/cluster-service.js";
import { HealthState } from "./services/health-service.js";
import { createKvService } from "./services/kv-service.js";
import { RpcErrors } from "./services/rpc-error.js";
import { VERSION } from "./version.js";

/** What a node asks of the outside world. */
export interface NodeDeps {
  readonly ports: StorePorts;
  readonly logger: Logger;
}

const MAX_HEALTH_WATCHERS = 1024;
/** A request up to so many times too large is still read, to be refused with a reason of our own. */
const READ_TO_REFUSE = 2;
/** Bytes of a batch on the wire beside its keys and values: per operation, and once. */
const OPERATION_OVERHEAD_BYTES = 32;
const MESSAGE_OVERHEAD_BYTES = 65_536;

/** A node that serves. */
export class RunningNode {
  /** `HOST:PORT` where clients connect, with the actual port. */
  readonly address: string;
  readonly nodeId: string;
  /**
   * Resolves when the store has failed for good: the node then refuses every call and should be closed
   * and its process ended. Never rejects.
   */
  readonly storeFailed: Promise<NodeError>;
  readonly #parts: Parts;
  readonly #server: GrpcServer;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts, server: GrpcServer) {
    this.#parts = parts;
    this.#server = server;
    this.address = server.address;
    this.nodeId = parts.nodeId;
    this.storeFailed = parts.storeFailed;
  }

  /** As ClusterService.GetStatus answers. */
  status(): Promise<GetStatusResponse> {
    return this.#parts.status();
  }

  /**
   * Says NOT_SERVING, takes no new calls, waits for those under way up to the shutdown timeout, syncs
   * and closes the store. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { admission, health, settings, logger, revisions, engine } = this.#parts;
    logger.info({ requests: admission.requests }, "stopping: calls under way may finish");
    health.set("not-serving");
    health.close();
    admission.stop(new KvError({ code: "NOT_SERVING", message: "the node is stopping" }));
    const isDrained = await this.#server.close(settings.shutdownTimeout);
    if (!isDrained) {
      logger.warn({ timeoutMs: settings.shutdownTimeout }, "calls were cut off");
    }
    try {
      await revisions.close();
    } catch (error) {
      // Only costs a gap in the revisions: the stored bound still holds.
      logger.warn({ error }, "the next revision could not be stored");
    }
    await engine.close();
    logger.info({}, "stopped; all data is on disk");
  }
}

/** What a running node is made of. */
interface Parts {
  readonly nodeId: string;
  readonly settings: Settings;
  readonly logger: Logger;
  readonly engine: Engine;
  readonly revisions: RevisionSource;
  readonly admission: Admission;
  readonly health: HealthState;
  readonly storeFailed: Promise<NodeError>;
  readonly status: () => Promise<GetStatusResponse>;
}

/**
 * Opens the store and serves.
 * @throws NodeError
 */
export async function runNode(settings: Settings, deps: NodeDeps): Promise<RunningNode> {
  const { engine, report } = await openEngine(settings, deps.ports);
  try {
    const node = await serve(settings, deps, engine);
    const { address, nodeId } = node;
    const { dataDir, sync } = settings;
    deps.logger.info({ address, nodeId, dataDir, sync, version: VERSION, ...report }, "serving");
    return node;
  } catch (error) {
    await engine.close().catch(() => undefined);
    throw error;
  }
}

async function serve(settings: Settings, deps: NodeDeps, engine: Engine): Promise<RunningNode> {
  const { ports, logger } = deps;
  const nextHex = () =>
    ports.random
      .nextInt(2 ** 32)
      .toString(16)
      .padStart(8, "0");
  const record = readNodeRecord(engine);
  const nodeId = settings.nodeId ?? record?.nodeId ?? `node-${nextHex()}`;
  if (record !== undefined && record.nodeId !== nodeId) {
    throw new NodeError(
      "NODE_CONFIG_INVALID",
      `the data in ${settings.dataDir} belongs to node "${record.nodeId}", not "${nodeId}": ` +
        "give that --node-id, none, or another --data-dir",
    );
  }
  const revisions = await RevisionSource.open(record?.nextRevision ?? 1, (nextRevision) =>
    writeNodeRecord(engine, { nodeId, nextRevision }),
  );
  const store = new KvStore({ engine, revisions, timer: ports.clock }, toKvLimits(settings));
  const admission = new Admission({
    concurrentRequests: settings.maxConcurrentRequests,
    concurrentScans: settings.maxConcurrentScans,
    requestBytes: settings.maxRequestBytes,
  });
  const health = new HealthState(SERVICE_NAMES, MAX_HEALTH_WATCHERS);
  const { storeFailed, failStore } = storeFailure(health, admission, logger);
  const nextIncident = () => nextHex() + nextHex();
  const errors = new RpcErrors({ logger, nextIncident, onStoreFailed: failStore });
  const calls = new Calls(admission, errors);
  const status = statusOf({ nodeId, settings, engine, admission, ports });
  const parts = {
    ...{ nodeId, settings, logger, engine, revisions },
    ...{ admission, health, storeFailed, status },
  };
  const services = {
    kv: createKvService(store, calls),
    cluster: createClusterService(status, calls),
    health,
  };
  const server = await listenGrpc(settings.grpcAddr, services, {
    messageBytes:
      READ_TO_REFUSE * settings.maxBatchBytes +
      settings.maxBatchOperations * OPERATION_OVERHEAD_BYTES +
      MESSAGE_OVERHEAD_BYTES,
    streamsPerConnection: settings.maxStreamsPerConnection,
  });
  health.set("serving");
  return new RunningNode(parts, server);
}

/** A store that met a failed write refuses for good; so does the node, and says so. */
function storeFailure(health: HealthState, admission: Admission, logger: Logger) {
  let resolve: (error: NodeError) => void = () => {};
  const storeFailed = new Promise<NodeError>((resolvePromise) => {
    resolve = resolvePromise;
  });
  let hasFailed = false;
  const failStore = (cause: unknown): void => {
    if (hasFailed) return;
    hasFailed = true;
    const message =
      "a write to the disk failed. Nothing more is acknowledged; check the disk, then restart: " +
      "every acknowledged write is kept";
    logger.error({ error: cause }, message);
    health.set("not-serving");
    admission.stop(new KvError({ code: "STORE_FAILED", message }));
    resolve(new NodeError("NODE_STORE_FAILED", message, { cause }));
  };
  return { storeFailed, failStore };
}

function toKvLimits(settings: Settings) {
  return {
    keyBytes: settings.maxKeyBytes,
    valueBytes: settings.maxValueBytes,
    batchBytes: settings.maxBatchBytes,
    batchOperations: settings.maxBatchOperations,
    responseBytes: settings.maxResponseBytes,
    scanPageBytes: settings.scanPageBytes,
    scanPageKeys: settings.scanPageKeys,
  };
}

function statusOf(node: {
  readonly nodeId: string;
  readonly settings: Settings;
  readonly engine: Engine;
  readonly admission: Admission;
  readonly ports: StorePorts;
}): () => Promise<GetStatusResponse> {
  const { nodeId, settings, engine, admission, ports } = node;
  const startedMs = ports.clock.monotonicMs();
  return async () => {
    const stats = engine.stats();
    return {
      nodeId,
      version: VERSION,
      uptimeMs: Math.floor(ports.clock.monotonicMs() - startedMs),
      requestsInFlight: admission.requests,
      limits: {
        keyBytes: settings.maxKeyBytes,
        valueBytes: settings.maxValueBytes,
        batchBytes: settings.maxBatchBytes,
        batchOperations: settings.maxBatchOperations,
        concurrentRequests: settings.maxConcurrentRequests,
      },
      store: {
        ...stats,
        keys: stats.keys - NODE_RECORD_COUNT,
        diskFreeBytes: await ports.fileSystem.freeBytes(settings.dataDir),
      },
      cluster: undefined,
    };
  };
}
