/** ClusterService: what the node is and how it is. */
import type { ClusterServiceImplementation, GetStatusResponse } from "@titan/proto";
import { DEFAULT_KEYSPACE } from "../kv/keyspace.js";
import type { Calls } from "./calls.js";
import { notImplemented } from "./request-checks.js";

/** The service. `status` describes the node at the time of the call. */
export function createClusterService(
  status: () => Promise<GetStatusResponse>,
  calls: Calls,
): ClusterServiceImplementation {
  return {
    getStatus: calls.read(status),
    listKeyspaces: calls.read(() => ({
      keyspaces: [{ name: DEFAULT_KEYSPACE, defaultTtlMs: 0 }],
    })),
    createKeyspace: calls.write(
      () => 0,
      () => Promise.reject(notImplemented("CreateKeyspace")),
    ),
    dropKeyspace: calls.write(
      () => 0,
      () => Promise.reject(notImplemented("DropKeyspace")),
    ),
    getClusterMap: calls.read(() => Promise.reject(notImplemented("GetClusterMap"))),
    leave: calls.read(() => Promise.reject(notImplemented("Leave"))),
    setBalancer: calls.read(() => Promise.reject(notImplemented("SetBalancer"))),
    transferLeader: calls.read(() => Promise.reject(notImplemented("TransferLeader"))),
    hello: calls.read(() => Promise.reject(notImplemented("Hello"))),
    join: calls.read(() => Promise.reject(notImplemented("Join"))),
  };
}
