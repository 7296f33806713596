/** Starts a node from code. */
import type { z } from "zod";
import { settingsSchema } from "./config/settings.js";
import { settingsConflict } from "./config/settings-conflict.js";
import { type Logger, silentLogger } from "./logger.js";
import { runNode } from "./node.js";
import { NodeError } from "./node-error.js";
import type { RunningNode } from "./running-node.js";
import { nodePorts, type StorePorts } from "./store-ports.js";

/**
 * The settings of `titan-node --help`, in camelCase; sizes in bytes or as `"64KiB"`, times in
 * milliseconds or as `"10s"`. Beside them, what a node asks of the outside world.
 */
export type NodeOptions = z.input<typeof settingsSchema> & {
  /** Disk, clock, dice and processes. @default the real ones, each by itself */
  readonly ports?: Partial<StorePorts>;
  /** @default drops everything */
  readonly logger?: Logger;
  /** Ends a start that waits for other nodes, with `NODE_STOPPED`. @default never */
  readonly signal?: AbortSignal;
};

/**
 * Resolves once the node serves: with `peers` or `join` when it belongs to the cluster. With `grpcAddr: "127.0.0.1:0"` the system chooses the port; read it
 * from `address`.
 * @throws NodeError
 */
export async function startNode(options: NodeOptions = {}): Promise<RunningNode> {
  const { ports, logger, signal, ...settings } = options;
  const result = settingsSchema.safeParse(settings);
  if (!result.success) {
    const problems = result.error.issues.map(
      ({ path, message }) => `${path.join(".")}: ${message}`,
    );
    throw new NodeError("NODE_CONFIG_INVALID", problems.join("; "), { cause: result.error });
  }
  const conflict = settingsConflict(result.data);
  if (conflict !== undefined) throw new NodeError("NODE_CONFIG_INVALID", conflict);
  return runNode(result.data, {
    ports: { ...nodePorts(), ...ports },
    logger: logger ?? silentLogger,
    signal: signal ?? new AbortController().signal,
  });
}
