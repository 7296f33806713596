/** The command `titan-node dev`. */
import { readFileSync } from "node:fs";
import { splitAddress } from "../config/cluster-addresses.js";
import { ConfigError } from "../config/config-error.js";
import { loadConfig } from "../config/load-config.js";
import { EXIT_ADDRESS, EXIT_OK, EXIT_SIGNAL_BASE, EXIT_USAGE } from "../exit-code.js";
import { NodeError } from "../node-error.js";
import { DevCluster } from "./dev-cluster.js";
import { DEV_HELP, parseDevOptions } from "./dev-options.js";
import { type DevNode, planDevCluster } from "./dev-plan.js";
import { DevScreen, type Terminal } from "./dev-screen.js";
import { watchStatus } from "./dev-status.js";
import { portInUse } from "./port-in-use.js";

/** What it asks of its process. */
export interface DevIo {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  /** The script titan-node, for the nodes' processes. */
  readonly bin: string;
  /** Calls back for each SIGINT, SIGTERM and SIGHUP. */
  onSignal(callback: () => void): void;
  /** Calls back when the parent that listens on an IPC channel is gone; never without such a parent. */
  onParentGone(callback: () => void): void;
}

/** A terminal and npm both deliver one Ctrl-C. */
const SAME_REQUEST_MS = 300;
const SIGINT = 2;
const DEFAULT_ENDPOINT = "127.0.0.1:7420";
const LOG_FORMAT = "--log-format";

/** Runs until it is told to stop. @returns the exit code */
export async function runDev(args: readonly string[], io: DevIo): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    io.stdout.write(DEV_HELP);
    return EXIT_OK;
  }
  let nodes: readonly DevNode[];
  try {
    const options = parseDevOptions(withReadableLogs(args, io));
    nodes = await planDevCluster(options);
    for (const node of nodes) checkSettings(node, io);
    if (options.isPlanOnly) {
      io.stdout.write(`${JSON.stringify(nodes, undefined, 2)}\n`);
      return EXIT_OK;
    }
    const taken = await portInUse(nodes);
    if (taken !== undefined) {
      io.stderr.write(`titan-node: ${taken}\n`);
      return EXIT_ADDRESS;
    }
    return await run(nodes, options.dataDir, io);
  } catch (error) {
    if (error instanceof ConfigError) {
      io.stderr.write(`titan-node: ${error.message}\nSee titan-node dev --help.\n`);
      return EXIT_USAGE;
    }
    if (!(error instanceof NodeError)) throw error;
    io.stderr.write(`titan-node: ${error.message}\n`);
    return EXIT_ADDRESS;
  }
}

function withReadableLogs(args: readonly string[], { environment }: DevIo): readonly string[] {
  const isGiven =
    args.some((word) => word === LOG_FORMAT || word.startsWith(`${LOG_FORMAT}=`)) ||
    (environment["TITAN_LOG_FORMAT"] ?? "") !== "";
  return isGiven ? args : [...args, LOG_FORMAT, "pretty"];
}

/** Once, rather than by each node. */
function checkSettings({ args }: DevNode, { environment }: DevIo): void {
  const { TITAN_LOG_FORMAT, TITAN_LOG_LEVEL } = environment;
  const command = loadConfig({
    arguments: args,
    environment: { TITAN_LOG_FORMAT, TITAN_LOG_LEVEL },
    readFile: (path) => readFileSync(path, "utf8"),
  });
  if (command.type !== "serve") throw new ConfigError(`${command.type} is for titan-node alone`);
}

async function run(nodes: readonly DevNode[], dataDir: string, io: DevIo): Promise<number> {
  const { NO_COLOR = "" } = io.environment;
  const screen = new DevScreen(io.stdout, io.stdout.isTTY === true && NO_COLOR === "");
  const cluster = new DevCluster(nodes, io.bin, screen);
  const addresses = nodes.map(({ grpcAddr }) => grpcAddr);
  let endStatus = (): void => undefined;
  let askedAtMs: number | undefined;
  let isForced = false;
  const stop = (): void => {
    const nowMs = performance.now();
    if (askedAtMs === undefined) {
      askedAtMs = nowMs;
      cluster.stop();
    } else if (nowMs - askedAtMs >= SAME_REQUEST_MS) {
      isForced = true;
      cluster.kill();
    }
  };
  io.onSignal(stop);
  io.onParentGone(stop);
  void cluster.start().then(() => {
    screen.say(welcome(nodes, cluster.pids(), dataDir));
    if (screen.isLive) endStatus = watchStatus(addresses, (line) => screen.status(line));
  });
  const code = await cluster.ended;
  endStatus();
  screen.endStatus();
  return isForced ? EXIT_SIGNAL_BASE + SIGINT : code;
}

function welcome(
  nodes: readonly DevNode[],
  pids: readonly (number | undefined)[],
  dataDir: string,
): string {
  const [first] = nodes;
  const at = first?.grpcAddr === DEFAULT_ENDPOINT ? "" : ` --endpoint ${first?.grpcAddr}`;
  const second = nodes[1];
  const name = nodes.length === 1 ? "A node serves" : `A cluster of ${nodes.length} nodes serves`;
  const list = nodes.map((node, index) => {
    const { port } = splitAddress(node.raftAddr);
    return `  ${node.id}  ${node.grpcAddr}  (for other nodes: port ${port}; process ${pids[index]})\n`;
  });
  const kill =
    second === undefined || first === undefined || nodes.length < 3
      ? ""
      : `
A cluster goes on without one of its nodes; try it, and ask another one:
  kill -9 ${pids[0]}
  npx titan --endpoint ${second.grpcAddr} get greeting
`;
  return `
${name}; its data is in ${dataDir}.
${list.join("")}
In another terminal, in this folder:
  npx titan${at} put greeting "hello, world"
  npx titan${at} get greeting
  npx titan${at} scan
  npx titan${at} status
  npx titan${at}                 (a shell; try HELP)
${kill}
Ctrl-C stops ${nodes.length === 1 ? "it" : "all of them"}; the data stays.

`;
}

/** The real process. */
export function devIo(process: NodeJS.Process): DevIo {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  return {
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    bin: process.argv[1] ?? "",
    onSignal: (callback) => {
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, callback);
    },
    onParentGone: (callback) => {
      if (process.send !== undefined) process.once("disconnect", callback);
    },
  };
}
