/** What Raft and its transport tell, for the log. */

import type { Clock } from "@titan/bitcask";
import type { HostObserver } from "@titan/raft";
import type { TcpFault, TcpTransportObserver } from "@titan/raft/transport";
import type { Logger } from "../logger.js";
import { META_GROUP } from "./cluster-map.js";

const QUIET_MS = 10_000;
/** What peers may cause by coming and going. */
const ORDINARY: ReadonlySet<TcpFault> = new Set([
  "cut-short",
  "displaced",
  "handshake-timeout",
  "peer-silent",
  "stream-limit",
  "queue-full",
]);
const LATE_MS = 1_000;

export function hostObserver(
  logger: Logger,
  told: {
    /** The log of all groups failed: the node cannot go on. */
    readonly onLogFailed: (error: unknown) => void;
    readonly onGroupFailed: (error: unknown) => void;
  },
): HostObserver {
  return {
    onLogFailed: (error) => told.onLogFailed(error),
    onGroupFailed: (group, error) => {
      logger.error(
        { ...nameOf(group), error },
        "a replica has stopped on this node, and others go on without it; see docs/raft-operations.md",
      );
      told.onGroupFailed(error);
    },
    onSpace: (isShort) => {
      if (isShort)
        logger.error({}, "the disk is nearly full: this node leads nothing until there is room");
      else logger.info({}, "the disk has room again");
    },
    onDiskStall: (isStalled) => {
      if (isStalled)
        logger.warn({}, "the disk does not answer: this node leads nothing until it does");
      else logger.info({}, "the disk answers again");
    },
    onStall: (lateMs) => {
      if (lateMs >= LATE_MS)
        logger.warn({ lateMs: Math.round(lateMs) }, "this process stood still");
    },
    onSnapshotFailed: (group, error) =>
      logger.warn(
        { ...nameOf(group), error },
        "a snapshot was not made or sent; it is tried again",
      ),
  };
}

/** Each kind of fault at most now and then: whoever reaches the port can cause them. */
export function transportObserver(logger: Logger, clock: Clock): TcpTransportObserver {
  const toldMs = new Map<TcpFault, number>();
  return {
    onFault: (fault, detail) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - (toldMs.get(fault) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
      toldMs.set(fault, nowMs);
      const fields = { fault, ...detail };
      if (fault === "wrong-cluster") {
        logger.error(
          fields,
          "a node of another cluster was refused: two were founded, or an address is wrong",
        );
      } else if (fault === "wrong-node") {
        logger.error(fields, "another node answers at an address than the cluster map says");
      } else if (ORDINARY.has(fault)) logger.debug(fields, "a connection of a node ended");
      else logger.warn(fields, "something that is no node of this cluster was refused");
    },
  };
}

function nameOf(group: number): object {
  return group === META_GROUP ? { group: "meta" } : { shard: group - META_GROUP - 1 };
}
