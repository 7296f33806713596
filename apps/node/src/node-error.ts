/** Why a node cannot start or go on. */

/** Stable codes. */
export type NodeErrorCode =
  | "NODE_CONFIG_INVALID"
  | "NODE_DATA_IN_USE"
  | "NODE_DATA_DAMAGED"
  | "NODE_DATA_NEWER"
  | "NODE_DATA_OLDER"
  | "NODE_DISK"
  | "NODE_ADDRESS"
  | "NODE_STORE_FAILED"
  /** The cluster does not take this node, or cannot be founded as told. */
  | "NODE_CLUSTER_REFUSED"
  /** The node was told to stop before it belonged to a cluster. */
  | "NODE_STOPPED";

/** An error whose message is meant for whoever runs the node, and says what to do. */
export class NodeError extends Error {
  override readonly name: string = "NodeError";
  readonly code: NodeErrorCode;

  constructor(code: NodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
