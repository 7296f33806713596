/** Which nodes a local cluster has, and how each is started: the same each time, as `dev.json` keeps it. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { splitAddress } from "../config/cluster-addresses.js";
import { ConfigError } from "../config/config-error.js";
import type { DevOptions } from "./dev-options.js";
import { freeAddresses } from "./free-addresses.js";

/** How a node is started. */
export interface DevNode {
  readonly id: string;
  readonly grpcAddr: string;
  readonly raftAddr: string;
  /** Arguments of titan-node. */
  readonly args: readonly string[];
}

const DEFAULT_GRPC_ADDR = "127.0.0.1:7420";
const DEFAULT_NODES = 3;
const FILE = "dev.json";
/** A port for clients and one for nodes. */
const PORTS_PER_NODE = 2;
const MAX_PORT = 65_535;

const recordSchema = z.strictObject({
  version: z.literal(1),
  /** The system chose the ports. */
  isAnyPort: z.boolean(),
  /** So many of the nodes, from the first, founded the cluster; the others joined it. */
  founders: z.int().min(1),
  nodes: z
    .array(z.strictObject({ id: z.string(), grpcAddr: z.string(), raftAddr: z.string() }))
    .min(1),
});
type DevRecord = z.infer<typeof recordSchema>;

/**
 * Keeps what it chooses in `options.dataDir`, where it finds it again.
 * @throws ConfigError when the cluster that is there is not the one that is wanted
 * @throws NodeError `NODE_ADDRESS` when no port can be had
 */
export async function planDevCluster(options: DevOptions): Promise<readonly DevNode[]> {
  const { dataDir, forAll } = options;
  const found = readRecord(dataDir);
  const record = await extend(found, options);
  if (record !== found) writeRecord(dataDir, record);
  const founders = record.nodes.slice(0, record.founders);
  const peers = founders.map((node) => `${node.id}@${node.grpcAddr}@${node.raftAddr}`).join(",");
  const seeds = founders.map(({ grpcAddr }) => grpcAddr).join(",");
  return record.nodes.map((node, at) => {
    const isAlone = founders.length === 1 && at === 0;
    const entry = at < founders.length ? ["--peers", peers] : ["--join", seeds];
    return {
      ...node,
      args: [
        ...["--node-id", node.id, "--data-dir", join(dataDir, node.id)],
        ...["--grpc-addr", node.grpcAddr, "--raft-addr", node.raftAddr],
        ...(isAlone ? ["--bootstrap"] : entry),
        ...forAll,
      ],
    };
  });
}

async function extend(
  found: DevRecord | undefined,
  { nodes, dataDir, grpcAddr }: DevOptions,
): Promise<DevRecord> {
  const known = found?.nodes ?? [];
  const wanted = nodes ?? (known.length > 0 ? known.length : DEFAULT_NODES);
  if (wanted < known.length) {
    throw new ConfigError(
      `the cluster in ${dataDir} has ${known.length} nodes: take nodes out of it with titan leave, or choose another ` +
        "--data-dir for a smaller one",
    );
  }
  const first = known[0]?.grpcAddr ?? grpcAddr ?? DEFAULT_GRPC_ADDR;
  const isAnyPort = found?.isAnyPort ?? splitAddress(first).port === 0;
  if (found !== undefined && grpcAddr !== undefined && grpcAddr !== first) {
    const isAny = isAnyPort && splitAddress(grpcAddr).port === 0;
    if (!isAny) {
      throw new ConfigError(
        `the cluster in ${dataDir} listens at ${first}: choose another --data-dir for a cluster at ${grpcAddr}`,
      );
    }
  }
  if (found !== undefined && wanted === known.length) return found;
  const { host, port } = splitAddress(first);
  const more = wanted - known.length;
  const addresses = isAnyPort
    ? await freeAddresses(host, more * PORTS_PER_NODE)
    : addressesFrom(host, port + known.length * PORTS_PER_NODE, more * PORTS_PER_NODE);
  const added = Array.from({ length: more }, (_, at) => ({
    id: `n${known.length + at + 1}`,
    grpcAddr: addresses[at * PORTS_PER_NODE] ?? "",
    raftAddr: addresses[at * PORTS_PER_NODE + 1] ?? "",
  }));
  const founders = found?.founders ?? wanted;
  return { version: 1, isAnyPort, founders, nodes: [...known, ...added] };
}

function addressesFrom(host: string, port: number, count: number): readonly string[] {
  if (port + count - 1 > MAX_PORT) {
    throw new ConfigError(`there are no ports up to ${port + count - 1} for all nodes`);
  }
  return Array.from({ length: count }, (_, at) => `${host}:${port + at}`);
}

function readRecord(dataDir: string): DevRecord | undefined {
  const path = join(dataDir, FILE);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new ConfigError(`${path} cannot be read: ${String(error)}`, { cause: error });
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new ConfigError(`${path} is not what titan-node dev writes: choose another --data-dir`, {
      cause: error,
    });
  }
}

function writeRecord(dataDir: string, record: DevRecord): void {
  try {
    mkdirSync(dataDir, { recursive: true });
    const path = join(dataDir, FILE);
    writeFileSync(`${path}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
    renameSync(`${path}.new`, path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`--data-dir ${dataDir} cannot be written: ${why}`, { cause: error });
  }
}
