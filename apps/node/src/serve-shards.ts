/** The way from clients and peers to the shards. */
import type { KvServiceImplementation } from "@titan/proto";
import type { StorePorts } from "./bitcask-engine.js";
import type { ClusterFoundation } from "./cluster/open-cluster.js";
import type { Settings } from "./config/settings.js";
import type { Calls } from "./services/calls.js";

export function serveShards(
  _parts: ClusterFoundation,
  _settings: Settings,
  _deps: { readonly ports: StorePorts; readonly calls: Calls },
): KvServiceImplementation | undefined {
  return undefined;
}
