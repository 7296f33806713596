/**
 * `npm start`: installs, builds and runs a local node, and says how to talk to it. Arguments after `--`
 * go to titan-node.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, ROOT, turbo } from "./toolchain.mjs";

const DATA_DIRECTORY = join(".titan", "data");
/** npm and the terminal may both deliver one Ctrl-C; two within this time count as one. */
const SAME_SIGNAL_MS = 300;

await ensureInstalled();
const built = await turbo(
  ...["build", "--filter=@titan/node", "--filter=titan", "--output-logs=errors-only"],
);
if (built !== 0) process.exit(built);

// In a session of its own, so that a Ctrl-C reaches it once, through us. The IPC channel tells it when
// we are gone, so that it never outlives this terminal.
const server = spawn(
  process.execPath,
  [
    join(ROOT, "apps", "node", "bin", "titan-node.js"),
    ...["--data-dir", DATA_DIRECTORY, "--log-format", "pretty"],
    ...process.argv.slice(2),
  ],
  { cwd: ROOT, detached: true, stdio: ["ignore", "inherit", "inherit", "ipc"] },
);

server.on("message", (message) => {
  if (message?.type !== "listening") return;
  const endpoint = message.address;
  const at = endpoint === "127.0.0.1:7420" ? "" : ` --endpoint ${endpoint}`;
  console.log(`
Titan serves on ${endpoint}; its data is in ${DATA_DIRECTORY}.

In another terminal, in this folder:
  npx titan${at} put greeting "hello, world"
  npx titan${at} get greeting
  npx titan${at} scan
  npx titan${at}                 (a shell; try HELP)

Ctrl-C stops it; the data stays.
`);
});

let lastSignalAt = Number.NEGATIVE_INFINITY;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    const now = performance.now();
    if (now - lastSignalAt >= SAME_SIGNAL_MS) server.kill(signal);
    lastSignalAt = now;
  });
}
server.once("error", (error) => {
  console.error(`titan-node could not be started: ${error.message}`);
  process.exit(1);
});
server.once("exit", (code, signal) => process.exit(signal === null ? code : 1));
