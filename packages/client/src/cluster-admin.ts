/** Administration of a cluster: who takes part, who leads, and whether the balancer works. */
import { type Caller, READ, REPEATABLE_WRITE, WRITE } from "./caller.js";
import { ttlOf } from "./messages.js";
import type { CallOptions, KeyspaceInfo } from "./requests.js";

/**
 * Orders to a cluster. Any node takes them. Each may be given again: what is so already stays so.
 * They settle once the order is known to the cluster, not once it is carried out; `status()` shows how far it is.
 * All reject with {@link ClientError}; an unknown node is `CLIENT_NOT_FOUND` or `CLIENT_FAILED_PRECONDITION`.
 */
export interface ClusterAdmin {
  /**
   * Empties a node, one replica at a time, and takes it out of the cluster; then its process ends.
   * @returns how many replicas have to move away yet
   */
  leave(nodeId: string, options?: CallOptions): Promise<{ readonly replicas: number }>;
  /** Takes {@link ClusterAdmin.leave} back, as long as the node has not left. */
  stay(nodeId: string, options?: CallOptions): Promise<void>;
  /** Stops the moving of replicas and leaders. What is under way is finished. */
  pauseBalancer(options?: CallOptions): Promise<void>;
  resumeBalancer(options?: CallOptions): Promise<void>;
  /** All keyspaces, by name; `default` is always there. */
  listKeyspaces(options?: CallOptions): Promise<readonly KeyspaceInfo[]>;
  /**
   * Makes a keyspace, for {@link TitanClient.keyspace}. Its name: 1 to 64 of a-z, 0-9, `-`, `_`, beginning with a letter.
   * Rejects with `CLIENT_FAILED_PRECONDITION` (reason `KEYSPACE_EXISTS`) for one that there is. Not retried when it is not known whether it happened.
   */
  createKeyspace(name: string, options?: CreateKeyspaceOptions): Promise<void>;
  /** Drops a keyspace with all its keys, for good. Rejects with `CLIENT_NOT_FOUND` for one that there is not. */
  dropKeyspace(name: string, options?: CallOptions): Promise<void>;
  /** Hands a shard's leadership over to one of its replicas. The balancer may even leaders out again later. */
  transferLeader(shard: number, nodeId: string, options?: CallOptions): Promise<void>;
}

export interface CreateKeyspaceOptions extends CallOptions {
  /** Milliseconds that values without a time to live of their own live; at least 1. @default they do not expire */
  readonly defaultTtlMs?: number | undefined;
}

export class CallingAdmin implements ClusterAdmin {
  constructor(private readonly caller: Caller) {}

  async leave(nodeId: string, options?: CallOptions): Promise<{ readonly replicas: number }> {
    const request = { nodeId: checkNodeId(nodeId), cancel: false };
    const { answer } = await this.caller.call("leave", request, REPEATABLE_WRITE, options);
    return { replicas: answer.replicas };
  }

  async stay(nodeId: string, options?: CallOptions): Promise<void> {
    const request = { nodeId: checkNodeId(nodeId), cancel: true };
    await this.caller.call("leave", request, REPEATABLE_WRITE, options);
  }

  async pauseBalancer(options?: CallOptions): Promise<void> {
    await this.caller.call("setBalancer", { paused: true }, REPEATABLE_WRITE, options);
  }

  async resumeBalancer(options?: CallOptions): Promise<void> {
    await this.caller.call("setBalancer", { paused: false }, REPEATABLE_WRITE, options);
  }

  async listKeyspaces(options?: CallOptions): Promise<readonly KeyspaceInfo[]> {
    const { answer } = await this.caller.call("listKeyspaces", {}, READ, options);
    return answer.keyspaces.map(({ name, defaultTtlMs }) => ({
      name,
      defaultTtlMs: defaultTtlMs === 0 ? undefined : defaultTtlMs,
    }));
  }

  async createKeyspace(name: string, options?: CreateKeyspaceOptions): Promise<void> {
    const keyspace = { name, defaultTtlMs: ttlOf(options?.defaultTtlMs) };
    await this.caller.call("createKeyspace", { keyspace }, WRITE, options);
  }

  async dropKeyspace(name: string, options?: CallOptions): Promise<void> {
    await this.caller.call("dropKeyspace", { name }, WRITE, options);
  }

  async transferLeader(shard: number, nodeId: string, options?: CallOptions): Promise<void> {
    if (!Number.isInteger(shard) || shard < 0 || shard > 0xffff_ffff) {
      throw new RangeError(`a shard has a number of 0 or more, not ${shard}`);
    }
    const request = { shard, nodeId: checkNodeId(nodeId) };
    await this.caller.call("transferLeader", request, REPEATABLE_WRITE, options);
  }
}

/** An empty id would mean the node that happens to be asked. */
function checkNodeId(nodeId: string): string {
  if (typeof nodeId !== "string" || nodeId === "") throw new TypeError("a node id is missing");
  return nodeId;
}
