/** For tests of what uses Titan: a cluster within your own process. */
export type { RunningNode } from "../running-node.js";
export { TestCluster } from "./test-cluster.js";
export type { TestClusterOptions } from "./test-cluster-options.js";
