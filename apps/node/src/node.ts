/** The composition root: makes every part of a node, in order, and takes them down again. */

import { type ClusterDialer, grpcDialer } from "./cluster/cluster-dialer.js";
import { enterCluster, knowSelf } from "./cluster/enter-cluster.js";
import { NodeDirectory } from "./cluster/node-identity.js";
import { openCluster } from "./cluster/open-cluster.js";
import { openLog } from "./cluster/open-log.js";
import { withLogSync } from "./cluster/wal-sync.js";
import type { Settings } from "./config/settings.js";
import { openFront } from "./front.js";
import type { Logger } from "./logger.js";
import { maxEntryBytes } from "./message-sizes.js";
import { toNodeError } from "./open-failure.js";
import { RunningNode } from "./running-node.js";
import { StoreFailure } from "./store-failure.js";
import type { StorePorts } from "./store-ports.js";
import { VERSION } from "./version.js";
import { whenReady } from "./when-ready.js";

/** What a node asks of the outside world. */
export interface NodeDeps {
  readonly ports: StorePorts;
  readonly logger: Logger;
  /** Ends a start that waits for other nodes. */
  readonly signal: AbortSignal;
  /** @default over gRPC */
  readonly dialer?: ClusterDialer;
}

/** Half a second to a second without a leader, and there is another. */
const RAFT_TICKS = { tickMs: 50, electionTicks: 10, heartbeatTicks: 2 };

/** What was opened so far, in the order in which it is closed. */
class Opened {
  readonly #closers: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#closers.unshift(close);
  }

  /** For a start that failed: why it failed is what counts. */
  async close(): Promise<void> {
    for (const close of this.#closers) await close().catch(() => undefined);
  }
}

/**
 * Makes the node part of a cluster, and serves.
 * @throws NodeError
 */
export async function runNode(settings: Settings, deps: NodeDeps): Promise<RunningNode> {
  const opened = new Opened();
  try {
    return await start(settings, deps, opened);
  } catch (error) {
    await opened.close();
    throw toNodeError(error, settings.dataDir) ?? error;
  }
}

async function start(settings: Settings, deps: NodeDeps, opened: Opened): Promise<RunningNode> {
  const { ports, logger, signal, dialer = grpcDialer } = deps;
  const { clock, random } = ports;
  const directory = new NodeDirectory(ports.fileSystem, settings.dataDir);
  await directory.read();
  const entryBytes = maxEntryBytes(settings);
  const log = await openLog(directory, entryBytes, deps);
  opened.add(() => log.close());
  // Read once more: only now nobody else writes there.
  const found = await directory.read();
  if (found?.member === undefined) directory.assertUnused(log.groupIds());
  const identity = await knowSelf(directory, found, settings.nodeId, random);
  const failure = new StoreFailure(logger);
  const front = await openFront(settings, { ports, logger, failure, identity });
  opened.add(() => front.server.close(0));
  opened.add(() => front.raftPort.release());
  const { self } = front;

  const entryDeps = { self, shape: settings, dialer, clock, random, logger, signal };
  const entered = await enterCluster(directory, identity, settings, entryDeps);
  const sync = withLogSync(
    log,
    { mode: settings.sync, intervalMs: settings.syncInterval },
    { clock, onFailed: (error) => failure.fail(error) },
  );
  opened.add(() => sync.close());
  const cluster = await openCluster(
    {
      ...{ self, directory, ...entered, log: sync.logs, maxEntryBytes: entryBytes },
      listen: front.raftPort,
      replaceAfterMs: settings.replaceAfter,
      auditEveryMs: settings.auditInterval,
      longestCallMs: settings.requestTimeout,
      host: {
        ...RAFT_TICKS,
        leaderLease: settings.leaderLease,
        minFreeBytes: settings.minFreeBytes,
      },
    },
    {
      ...{ ports, logger, dialer },
      onParts: (parts) => front.serveParts(parts),
      onLogFailed: (error) => failure.fail(error),
      onGroupFailed: (error) => failure.failBy(error),
      onLeft: () => front.leave(),
    },
  );
  opened.add(() => cluster.close());
  front.open(cluster);
  await whenReady(cluster, clock, signal);
  front.health.set("serving");
  const { dataDir } = settings;
  const { clusterId } = entered.member;
  logger.info(
    {
      ...{ address: front.server.address, nodeId: self.id, dataDir, sync: settings.sync },
      ...{ clusterId, raft: front.raftPort.address, version: VERSION },
    },
    "serving",
  );
  const closeLog = async (): Promise<void> => {
    await sync.close();
    await log.close();
  };
  return new RunningNode({ settings, logger, cluster, front, failure, closeLog });
}
