/** The arguments of `titan-node dev`. */
import { ConfigError } from "../config/config-error.js";
import { flagOf, type SettingName } from "../config/settings.js";

export interface DevOptions {
  /** Nodes that are wanted; `undefined`: as many as there are, or three. */
  readonly nodes: number | undefined;
  readonly dataDir: string;
  /** Where the first node is to listen; the others follow. `undefined`: where it did, or the default. */
  readonly grpcAddr: string | undefined;
  /** Settings that all nodes get, as flags. */
  readonly forAll: readonly string[];
  /** Only say how each node would be started. */
  readonly isPlanOnly: boolean;
}

export const MAX_DEV_NODES = 9;
const DEFAULT_DATA_DIR = ".titan/cluster";
/** What differs from node to node, and is chosen here. */
const CHOSEN_HERE: readonly SettingName[] = [
  ...(["nodeId", "peers", "join", "bootstrap", "raftAddr"] as const),
  ...(["advertiseGrpcAddr", "advertiseRaftAddr"] as const),
];

/** @throws ConfigError; settings for all nodes are not checked yet */
export function parseDevOptions(args: readonly string[]): DevOptions {
  const own = new Map<string, string>();
  const forAll: string[] = [];
  let isPlanOnly = false;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? "";
    const cut = word.indexOf("=");
    const flag = cut < 0 ? word : word.slice(0, cut);
    if (CHOSEN_HERE.some((name) => flagOf(name) === flag)) {
      throw new ConfigError(`${flag} differs from node to node: titan-node dev chooses it`);
    }
    if (flag === "--plan") isPlanOnly = true;
    else if (["--nodes", "--data-dir", "--grpc-addr"].includes(flag)) {
      const value = cut < 0 ? args[(at += 1)] : word.slice(cut + 1);
      if (value === undefined || value.startsWith("--"))
        throw new ConfigError(`${flag} needs a value`);
      if (own.has(flag)) throw new ConfigError(`${flag} is given twice`);
      own.set(flag, value);
    } else forAll.push(word);
  }
  const nodes = own.get("--nodes");
  if (nodes !== undefined && !/^[1-9]$/.test(nodes)) {
    throw new ConfigError(`--nodes: "${nodes}": expected 1 to ${MAX_DEV_NODES}`);
  }
  return {
    nodes: nodes === undefined ? undefined : Number(nodes),
    dataDir: own.get("--data-dir") ?? DEFAULT_DATA_DIR,
    grpcAddr: own.get("--grpc-addr"),
    ...{ forAll, isPlanOnly },
  };
}

export const DEV_HELP = `titan-node dev: a cluster on this machine, its nodes as processes in one terminal

Usage: titan-node dev [--nodes COUNT] [--data-dir DIR] [--grpc-addr HOST:PORT] [flags]

  --nodes COUNT
      1 to ${MAX_DEV_NODES}; 3 for a new cluster. With more than there are, the new ones join.
  --data-dir DIR
      Where the nodes keep their data. [default: ${DEFAULT_DATA_DIR}]
  --grpc-addr HOST:PORT
      Where clients reach the first node; its Raft port is the next one, and the other nodes follow. Port 0
      lets the system choose all of them. Kept in DIR. [default: 127.0.0.1:7420]
  --plan
      Print how each node would be started, as JSON, and stop. For scripts.

All other flags are those of titan-node and go to every node. Logs are for reading unless --log-format says
otherwise. A node that is killed is started again after a while. SIGINT or SIGTERM stops all of them.
`;
