/** The process around the command. */
import { createReadStream, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isatty } from "node:tty";
import { runProcess } from "./child-process.js";
import { runCli } from "./cli.js";
import { createFile, sizeOf } from "./files.js";
import type { ClientSettings, CliPorts } from "./ports.js";
import type { ByteClient } from "./report.js";
import { createSignals } from "./signals.js";
import { systemClock, systemRandom } from "./system-ports.js";
import { UsageError } from "./usage-error.js";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Room for the largest batch that `titan batch` reads, so that it is the server that says its limit. */
const MAX_MESSAGE_BYTES = 320 * 1024 * 1024;

/** The client is loaded when it is needed: help and usage errors do without gRPC. */
async function openClient({ endpoints, timeoutMs }: ClientSettings): Promise<ByteClient> {
  const { TitanClient } = await import("@titan/client");
  try {
    // Someone waits: a server that is down is reported after a few tries, not after many.
    const retry = { maxAttempts: 4 };
    return new TitanClient({
      ...{ endpoints, timeoutMs, retry, maxMessageBytes: MAX_MESSAGE_BYTES },
      keys: "bytes",
      values: "bytes",
    });
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new UsageError(error.message, undefined, { cause: error });
  }
}

const ports: CliPorts = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: systemClock,
  random: systemRandom,
  homeDirectory: homedir(),
  version: manifest.version,
  openFile: (path) => createReadStream(path),
  sizeOf,
  createFile,
  runProcess,
  openClient,
  ...createSignals(process, [0, 1, 2].some(isatty)),
};

// Everything printed has left the process by then. Without exit() an open standard input would keep us.
process.exit(await runCli(process.argv.slice(2), ports));
