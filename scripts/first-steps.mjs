/**
 * Takes a newcomer's first steps as the README tells them, in this checkout: `npm start`, the commands
 * that it prints, Ctrl-C. CI runs it in its fresh clone. Exits with 1 and says why when a step fails.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./toolchain.mjs";

const START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 20_000;
const COMMAND_TIMEOUT_MS = 60_000;
/** What titan-node says when everything is on disk. */
const STOPPED = "stopped; all data is on disk";

let hasStopped = false;

function within(ms, what, promise) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The lines that `npm start` tells the reader to type, once it serves. */
function printedCommands(server) {
  return new Promise((resolve, reject) => {
    let printed = "";
    server.stdout.on("data", (chunk) => {
      process.stdout.write(chunk);
      printed += chunk;
      hasStopped ||= printed.includes(STOPPED);
      if (!printed.includes("Ctrl-C")) return;
      resolve([...printed.matchAll(/^ {2}(npx titan .+)$/gm)].map((match) => match[1]));
    });
    server.once("exit", (code) => reject(new Error(`npm start ended with ${code}`)));
  });
}

// A port and a directory of its own: a node that someone runs in this checkout is not in the way.
const dataDir = mkdtempSync(join(tmpdir(), "titan-first-steps-"));
const server = spawn(
  "npm",
  ["start", "--", "--grpc-addr", "127.0.0.1:0", "--data-dir", join(dataDir, "data")],
  { cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "inherit"] },
);
server.stdout.setEncoding("utf8");
// "close" and not "exit": npm may end before the node, which holds the same pipe, and before all is read.
const ended = new Promise((resolve) => server.once("close", resolve));

try {
  const commands = await within(START_TIMEOUT_MS, "npm start", printedCommands(server));
  const oneShot = commands.filter((line) => / (put|get|scan|delete|status)\b/.test(line));
  if (oneShot.length < 3) throw new Error("npm start printed fewer commands than expected");
  for (const line of oneShot) {
    console.log(`$ ${line}`);
    const printed = execFileSync("bash", ["-c", line], {
      cwd: ROOT,
      encoding: "utf8",
      timeout: COMMAND_TIMEOUT_MS,
    });
    process.stdout.write(printed);
    if (/ get /.test(line) && printed.trim() !== "hello, world") {
      throw new Error(`get printed ${JSON.stringify(printed)}`);
    }
  }
  process.kill(-server.pid, "SIGINT");
  // npm itself reports a Ctrl-C as the signal or as 0; what counts is what the server did.
  await within(STOP_TIMEOUT_MS, "stopping", ended);
  if (!hasStopped) throw new Error("Ctrl-C did not stop the server cleanly");
  console.log("First steps: all as the README says.");
} catch (error) {
  console.error(`First steps failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (server.exitCode === null && server.signalCode === null) process.kill(-server.pid, "SIGKILL");
  // The node is in a session of its own and ends when its parent is gone.
  await within(STOP_TIMEOUT_MS, "ending", ended).catch((error) => console.error(error.message));
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
}
