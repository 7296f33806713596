/**
 * `npm start`: installs, builds and runs a local cluster in this terminal, and says how to talk to it.
 * Arguments after `--` go to `titan-node dev`.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, ROOT, turbo } from "./toolchain.mjs";

await ensureInstalled();
const built = await turbo(
  ...["build", "--filter=@titan/node", "--filter=titan", "--output-logs=errors-only"],
);
if (built !== 0) process.exit(built);

// In a session of its own, so that a Ctrl-C reaches it through us alone. The IPC channel tells it when
// we are gone, so that it never outlives this terminal.
const cluster = spawn(
  process.execPath,
  [join(ROOT, "apps", "node", "bin", "titan-node.js"), "dev", ...process.argv.slice(2)],
  { cwd: ROOT, detached: true, stdio: ["ignore", "inherit", "inherit", "ipc"] },
);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => cluster.kill(signal));
cluster.once("error", (error) => {
  console.error(`titan-node could not be started: ${error.message}`);
  process.exit(1);
});
cluster.once("exit", (code, signal) => process.exit(signal === null ? code : 1));
