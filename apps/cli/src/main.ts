/** The process around the command. */
import { createReadStream, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { runCli } from "./cli.js";
import { EXIT } from "./exit-codes.js";
import type { ClientSettings, CliPorts } from "./ports.js";
import type { ByteClient } from "./report.js";
import { systemClock, systemRandom } from "./system-ports.js";
import { UsageError } from "./usage-error.js";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Room for the largest batch that `titan batch` reads, so that it is the server that says its limit. */
const MAX_MESSAGE_BYTES = 320 * 1024 * 1024;

let isInterrupted = false;
const interruptListeners = new Set<() => void>();
process.on("SIGINT", () => {
  // The second Ctrl-C does not wait for anything, nor does one that nobody is there to handle.
  if (isInterrupted || interruptListeners.size === 0) process.exit(EXIT.interrupted);
  isInterrupted = true;
  for (const listener of interruptListeners) listener();
});

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
  openClient,
  onInterrupt(listener) {
    interruptListeners.add(listener);
    return () => interruptListeners.delete(listener);
  },
};

// Everything printed has left the process by then. Without exit() an open standard input would keep us.
process.exit(await runCli(process.argv.slice(2), ports));
