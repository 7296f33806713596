/** A host on this machine's disk, clock and network: the parts that most programs take, put together. */

import { join } from "node:path";
import type { TcpTransportOptions } from "../transport/tcp-options.js";
import { TcpTransport } from "../transport/tcp-transport.js";
import type { PeerAddress } from "../transport/transport.js";
import { NodeFileSystem } from "../wal/node-file-system.js";
import { nodePorts } from "../wal/node-ports.js";
import type { RaftWalOptions } from "../wal/options.js";
import { RaftWal } from "../wal/raft-wal.js";
import type { RaftHostOptions } from "./options.js";
import { nodeFreeBytes, nodeHostPorts } from "./ports.js";
import { RaftHost } from "./raft-host.js";

export interface OpenHostInit {
  /** Of this host, in all of its groups: unique for the life of the cluster, never reused. */
  readonly nodeId: number;
  /** The same on all hosts, and in no other cluster: those of another are not talked to. */
  readonly cluster: string;
  /** Holds the log and the snapshots; made if it is not there. No other host may use it. */
  readonly directory: string;
  /** Where the hosts are reached, by node id, this one too: `"host:port"`. */
  readonly peers: Readonly<Record<number, PeerAddress>>;
  /** Where to listen, if that is not the same. @default this host's entry in `peers` */
  readonly listen?: PeerAddress;
}

export interface OpenHostOptions {
  readonly host?: RaftHostOptions;
  readonly log?: RaftWalOptions;
  readonly transport?: Omit<TcpTransportOptions, "peers">;
}

/** A host, and what it stands on. */
export interface OpenHost {
  readonly host: RaftHost;
  readonly log: RaftWal;
  readonly transport: TcpTransport;
  /** Closes the host, then its log. Idempotent. */
  readonly close: () => Promise<void>;
}

/**
 * Opens a log on disk and starts a host on it that talks TCP.
 * @throws RangeError for an option out of range; what `RaftWal.open` and `RaftHost.start` throw
 */
export async function openHost(
  init: OpenHostInit,
  options: OpenHostOptions = {},
): Promise<OpenHost> {
  const { nodeId, cluster, directory, peers, listen = peers[nodeId] } = init;
  if (listen === undefined) throw new RangeError(`no address to listen at for node ${nodeId}`);
  const ports = nodeHostPorts();
  const transport = new TcpTransport(
    { nodeId, cluster, listen, ports },
    { ...options.transport, peers },
  );
  const log = await RaftWal.open(join(directory, "log"), nodePorts(), options.log);
  try {
    const snapshots = {
      fileSystem: new NodeFileSystem(),
      directory: join(directory, "snapshots"),
    };
    const freeBytes = nodeFreeBytes(directory);
    const deps = { nodeId, log, transport, ports, freeBytes, snapshots };
    const host = await RaftHost.start(deps, options.host);
    const close = async (): Promise<void> => {
      await host.close();
      await log.close();
    };
    return { host, log, transport, close };
  } catch (error) {
    await transport.close();
    await log.close();
    throw error;
  }
}
