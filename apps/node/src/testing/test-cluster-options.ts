/** What a test cluster is made of. */
import type { NodeOptions } from "../start-node.js";

/** Settings of all nodes, as of `startNode`, and those of the test cluster itself. */
export interface TestClusterOptions
  extends Omit<
    NodeOptions,
    | ("nodeId" | "dataDir" | "grpcAddr" | "raftAddr" | "peers" | "join" | "bootstrap" | "ports")
    | ("advertiseGrpcAddr" | "advertiseRaftAddr" | "signal")
  > {
  /** Nodes at the start: 1 to 9. @default 3 */
  readonly nodes?: number;
  /**
   * Where nodes keep their data. `"memory"`: nothing is left behind, and a crash loses what was not synced, as a
   * power cut does. `"temporary"`: in directories of the system's for such; a crash loses nothing that was written,
   * as `kill -9`. @default "memory"
   */
  readonly storage?: "memory" | "temporary";
  /** Longest that a wait takes before it fails, in milliseconds. @default 30_000 */
  readonly waitTimeoutMs?: number;
}

export const DEFAULT_WAIT_MS = 30_000;
export const DEFAULT_NODES = 3;
export const MAX_NODES = 9;
