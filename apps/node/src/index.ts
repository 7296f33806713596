/** A Titan node inside your own process, for tests and tools. The command is `titan-node`. */

export type { Logger } from "./logger.js";
export { NodeError, type NodeErrorCode } from "./node-error.js";
export type { RunningNode } from "./running-node.js";
export { type NodeOptions, startNode } from "./start-node.js";
export type { StorePorts } from "./store-ports.js";
