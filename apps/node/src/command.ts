/** The command line: settings, start, signals, exit code. Everything of the process comes in as an argument. */
import { readFileSync } from "node:fs";
import type { Clock } from "@titan/bitcask";
import { ConfigError } from "./config/config-error.js";
import { helpText } from "./config/help.js";
import { type Command, loadConfig, type ServeCommand } from "./config/load-config.js";
import {
  EXIT_ADDRESS,
  EXIT_CLUSTER_REFUSED,
  EXIT_CRASH,
  EXIT_DATA_DAMAGED,
  EXIT_DATA_IN_USE,
  EXIT_DATA_NEWER,
  EXIT_DISK,
  EXIT_OK,
  EXIT_SIGNAL_BASE,
  EXIT_STORE_FAILED,
  EXIT_USAGE,
} from "./exit-code.js";
import { logGrpcTo } from "./grpc-log.js";
import { createLogger, type Logger, type LogSink } from "./logger.js";
import { runNode } from "./node.js";
import { NodeError, type NodeErrorCode } from "./node-error.js";
import type { RunningNode } from "./running-node.js";
import { nodePorts, type StorePorts } from "./store-ports.js";
import { VERSION } from "./version.js";

/** The process around the command. */
export interface ProcessIo {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: LogSink;
  readonly stderr: LogSink;
  /** Calls back for each SIGINT and SIGTERM. */
  onSignal(callback: (name: "SIGINT" | "SIGTERM") => void): void;
  /** Calls back when the parent that listens on an IPC channel is gone; never without such a parent. */
  onParentGone(callback: () => void): void;
  /** Tells the parent, if one listens. */
  tellParent(message: object): void;
  /** Ends the process at once. */
  exit(code: number): void;
}

const EXIT_BY_ERROR: Readonly<Record<NodeErrorCode, number>> = {
  NODE_CONFIG_INVALID: EXIT_USAGE,
  NODE_DATA_IN_USE: EXIT_DATA_IN_USE,
  NODE_DATA_DAMAGED: EXIT_DATA_DAMAGED,
  NODE_DATA_NEWER: EXIT_DATA_NEWER,
  NODE_DATA_OLDER: EXIT_DATA_NEWER,
  NODE_DISK: EXIT_DISK,
  NODE_ADDRESS: EXIT_ADDRESS,
  NODE_STORE_FAILED: EXIT_STORE_FAILED,
  NODE_CLUSTER_REFUSED: EXIT_CLUSTER_REFUSED,
  NODE_STOPPED: EXIT_OK,
};
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;
/**
 * Signals within this time are one request to stop: a terminal and npm, or a supervisor that signals a process
 * and then its group, each deliver the same one twice.
 */
const SAME_REQUEST_MS = 300;

/**
 * Runs `titan-node` with these arguments until it is told to stop.
 * @returns the exit code
 */
export async function runCommand(
  args: readonly string[],
  io: ProcessIo,
  ports: StorePorts = nodePorts(),
): Promise<number> {
  let command: Command;
  try {
    const readFile = (path: string) => readFileSync(path, "utf8");
    command = loadConfig({ arguments: args, environment: io.environment, readFile });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr.write(`titan-node: ${error.message}\nSee titan-node --help.\n`);
    return EXIT_USAGE;
  }
  switch (command.type) {
    case "help":
      io.stdout.write(helpText());
      return EXIT_OK;
    case "version":
      io.stdout.write(`${VERSION}\n`);
      return EXIT_OK;
    case "print-config":
      io.stdout.write(`${JSON.stringify(command.settings, undefined, 2)}\n`);
      return EXIT_OK;
    case "serve":
      return serve(command, io, ports);
  }
}

async function serve(
  { settings, warnings }: ServeCommand,
  io: ProcessIo,
  ports: StorePorts,
): Promise<number> {
  const logger = createLogger({ level: settings.logLevel, format: settings.logFormat }, io.stdout);
  for (const warning of warnings) logger.warn({}, warning);
  logGrpcTo(logger);
  const stopAsked = whenAskedToStop(io, logger, ports.clock);
  const stop = new AbortController();
  void stopAsked.then(() => stop.abort());
  let node: RunningNode;
  try {
    node = await runNode(settings, { ports, logger, signal: stop.signal });
  } catch (error) {
    if (error instanceof NodeError && error.code === "NODE_STOPPED") {
      logger.info({}, error.message);
      return EXIT_OK;
    }
    return reportStartFailure(error, settings.logFormat === "json" ? logger : undefined, io);
  }
  io.tellParent({ type: "listening", address: node.address, dataDir: settings.dataDir });
  const why = await Promise.race([stopAsked, node.storeFailed, node.left]);
  if (why === "left")
    logger.info({}, "the node has left the cluster: its data is not needed any more");
  try {
    await node.close();
  } catch (error) {
    logger.error({ error }, "the store could not be closed cleanly");
    return why instanceof NodeError ? EXIT_BY_ERROR[why.code] : EXIT_DISK;
  }
  return why instanceof NodeError ? EXIT_BY_ERROR[why.code] : EXIT_OK;
}

/** Resolves at the first signal, or when the parent is gone; a second request ends the process. */
function whenAskedToStop(io: ProcessIo, logger: Logger, clock: Clock): Promise<"asked"> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    io.onSignal((name) => {
      const nowMs = clock.monotonicMs();
      firstAtMs ??= nowMs;
      if (nowMs - firstAtMs >= SAME_REQUEST_MS) {
        logger.warn({ signal: name }, "second signal: ending at once");
        io.exit(EXIT_SIGNAL_BASE + SIGNAL_NUMBERS[name]);
      }
      resolve("asked");
    });
    io.onParentGone(() => resolve("asked"));
  });
}

/** @param log for programs that read the log; a person would read everything twice */
function reportStartFailure(error: unknown, log: Logger | undefined, io: ProcessIo): number {
  if (error instanceof NodeError) {
    log?.error({ code: error.code, reason: error.message }, "titan-node cannot start");
    io.stderr.write(`titan-node: ${error.message}\n`);
    return EXIT_BY_ERROR[error.code];
  }
  log?.error({ error }, "titan-node cannot start");
  io.stderr.write(`titan-node: ${error instanceof Error ? error.stack : String(error)}\n`);
  return EXIT_CRASH;
}

/** The real process. */
export function processIo(process: NodeJS.Process): ProcessIo {
  // Whoever reads the log may go away, and its disk may be full: neither may take the store down.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  return {
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    onSignal: (callback) => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => callback(name));
    },
    onParentGone: (callback) => {
      if (process.send !== undefined) process.once("disconnect", callback);
    },
    tellParent: (message) => {
      process.send?.(message);
    },
    exit: (code) => process.exit(code),
  };
}
