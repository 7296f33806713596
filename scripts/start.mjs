/**
 * `npm start`: installs, builds and runs a local node, and says how to talk to it. Arguments after `--`
 * go to titan-node, and win over what is chosen here.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, ROOT, turbo } from "./toolchain.mjs";

/** What titan-node is told unless a flag, a variable or a config file of the caller says otherwise. */
const CHOSEN_HERE = [
  { flag: "--data-dir", variable: "TITAN_DATA_DIR", value: join(".titan", "data") },
  { flag: "--log-format", variable: "TITAN_LOG_FORMAT", value: "pretty" },
];
const given = process.argv.slice(2);

function isGiven(flag, variable) {
  const inArguments = given.some((word) => word === flag || word.startsWith(`${flag}=`));
  return inArguments || (process.env[variable] ?? "") !== "";
}

function argumentsForNode() {
  if (isGiven("--config", "TITAN_CONFIG")) return given;
  const chosen = CHOSEN_HERE.filter(({ flag, variable }) => !isGiven(flag, variable));
  return [...chosen.flatMap(({ flag, value }) => [flag, value]), ...given];
}

await ensureInstalled();
const built = await turbo(
  ...["build", "--filter=@titan/node", "--filter=titan", "--output-logs=errors-only"],
);
if (built !== 0) process.exit(built);

// In a session of its own, so that a Ctrl-C reaches it through us alone. The IPC channel tells it when
// we are gone, so that it never outlives this terminal.
const server = spawn(
  process.execPath,
  [join(ROOT, "apps", "node", "bin", "titan-node.js"), ...argumentsForNode()],
  { cwd: ROOT, detached: true, stdio: ["ignore", "inherit", "inherit", "ipc"] },
);

server.on("message", (message) => {
  if (message?.type !== "listening") return;
  const { address: endpoint, dataDir } = message;
  const at = endpoint === "127.0.0.1:7420" ? "" : ` --endpoint ${endpoint}`;
  console.log(`
Titan serves on ${endpoint}; its data is in ${dataDir}.

In another terminal, in this folder:
  npx titan${at} put greeting "hello, world"
  npx titan${at} get greeting
  npx titan${at} scan
  npx titan${at}                 (a shell; try HELP)

Ctrl-C stops it; the data stays.
`);
});

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill(signal));
server.once("error", (error) => {
  console.error(`titan-node could not be started: ${error.message}`);
  process.exit(1);
});
server.once("exit", (code, signal) => process.exit(signal === null ? code : 1));
