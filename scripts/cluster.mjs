/**
 * A cluster in the background, for people and for scripts. After a build (`npm start` makes one):
 *
 *   node scripts/cluster.mjs start [--nodes N] [--data-dir DIR] [flags]   as titan-node dev
 *   node scripts/cluster.mjs status | logs [NODE] | stop                  [--data-dir DIR]
 *   node scripts/cluster.mjs kill NODE | restart NODE                     [--data-dir DIR]
 *
 * It ends only what it started: a process id counts as long as that process began when the file with it says.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ROOT } from "./toolchain.mjs";

const BIN = join(ROOT, "apps", "node", "bin", "titan-node.js");
const CLI = join(ROOT, "apps", "cli", "bin", "titan.js");
const DEFAULT_DATA_DIR = join(ROOT, ".titan", "background");
const READY_MS = 60_000;
const STOP_MS = 20_000;
const LOOK_MS = 100;
const USAGE =
  "Usage: node scripts/cluster.mjs start|stop|status|logs|kill NODE|restart NODE [--data-dir DIR]";

const { verb, node, dataDir, forDev } = parse(process.argv.slice(2));

function parse(words) {
  const [first, ...rest] = words;
  const others = [];
  let chosen = DEFAULT_DATA_DIR;
  for (let at = 0; at < rest.length; at += 1) {
    if (rest[at] === "--data-dir") chosen = resolve(rest[(at += 1)] ?? fail(USAGE));
    else others.push(rest[at]);
  }
  const name = first === "start" || others[0]?.startsWith("-") ? undefined : others[0];
  return { verb: first, node: name, dataDir: chosen, forDev: others };
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

function planned(flags = []) {
  const args = [BIN, "dev", "--plan", "--data-dir", dataDir, ...flags];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout);
}

const pidFile = (id) => join(dataDir, `${id}.pid`);
const logFile = (id) => join(dataDir, `${id}.log`);
/** How a node was started, so that it is started again the same. */
const planFile = join(dataDir, "background.json");

/** When a process began; undefined when there is none. Numbers of processes are used again. */
function beginningOf(pid) {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, LC_ALL: "C" },
    }).trim();
  } catch {
    return undefined;
  }
}

/** The process of a node, if it runs. */
function pidOf(id) {
  if (!existsSync(pidFile(id))) return undefined;
  const { pid, began } = JSON.parse(readFileSync(pidFile(id), "utf8"));
  return beginningOf(pid) === began ? pid : undefined;
}

function launch({ id, args }) {
  if (pidOf(id) !== undefined) return;
  const log = openSync(logFile(id), "a");
  const child = spawn(process.execPath, [BIN, ...args], {
    ...{ cwd: ROOT, detached: true },
    stdio: ["ignore", log, log],
  });
  child.unref();
  const { pid } = child;
  writeFileSync(pidFile(id), JSON.stringify({ pid, began: beginningOf(pid) }));
}

function serves({ grpcAddr }) {
  const args = [CLI, "status", "--endpoint", grpcAddr, "--timeout", "2s"];
  return spawnSync(process.execPath, args, { stdio: "ignore" }).status === 0;
}

async function untilServing(nodes) {
  const end = Date.now() + READY_MS;
  for (const one of nodes) {
    while (!serves(one)) {
      if (pidOf(one.id) === undefined)
        fail(`${one.id} has ended; its log: ${logFile(one.id)}\n${tail(one.id, 5)}`);
      if (Date.now() > end) fail(`${one.id} does not serve; its log: ${logFile(one.id)}`);
      await pause(LOOK_MS);
    }
  }
}

async function untilEnded(ids) {
  const end = Date.now() + STOP_MS;
  for (const id of ids) {
    while (pidOf(id) !== undefined) {
      if (Date.now() > end) fail(`${id} does not stop; its log: ${logFile(id)}`);
      await pause(LOOK_MS);
    }
    rmSync(pidFile(id), { force: true });
  }
}

function known() {
  if (!existsSync(planFile)) fail(`there is no background cluster in ${dataDir}; start one first`);
  return JSON.parse(readFileSync(planFile, "utf8"));
}

function named() {
  const nodes = known();
  const found = nodes.find(({ id }) => id === node);
  return found ?? fail(`which node? There are ${nodes.map(({ id }) => id).join(", ")}`);
}

function tail(id, lines) {
  if (!existsSync(logFile(id))) return "";
  return readFileSync(logFile(id), "utf8")
    .split("\n")
    .slice(-lines - 1)
    .join("\n");
}

function printStates(nodes) {
  for (const { id, grpcAddr } of nodes) {
    const pid = pidOf(id);
    console.log(`${id}  ${grpcAddr}  ${pid === undefined ? "does not run" : `process ${pid}`}`);
  }
}

switch (verb) {
  case "start": {
    if (!existsSync(join(dirname(dirname(BIN)), "dist")))
      fail("build first: npm start, or npm test");
    const nodes = planned(forDev);
    writeFileSync(planFile, `${JSON.stringify(nodes, undefined, 2)}\n`);
    for (const one of nodes) launch(one);
    await untilServing(nodes);
    printStates(nodes);
    console.log(`\n  export TITAN_ENDPOINTS=${nodes.map(({ grpcAddr }) => grpcAddr).join(",")}`);
    console.log('  npx titan put greeting "hello, world"');
    break;
  }
  case "stop": {
    const ids = known().map(({ id }) => id);
    for (const id of ids) if (pidOf(id) !== undefined) process.kill(pidOf(id), "SIGTERM");
    await untilEnded(ids);
    console.log("stopped; the data stays");
    break;
  }
  case "status": {
    const nodes = known();
    printStates(nodes);
    const one = nodes.find(({ id }) => pidOf(id) !== undefined);
    if (one === undefined) process.exit(1);
    spawnSync(process.execPath, [CLI, "status", "--endpoint", one.grpcAddr], { stdio: "inherit" });
    break;
  }
  case "logs": {
    for (const { id } of node === undefined ? known() : [named()]) {
      console.log(`== ${id} (${logFile(id)})\n${tail(id, 20)}`);
    }
    break;
  }
  case "kill": {
    const { id } = named();
    const pid = pidOf(id) ?? fail(`${id} does not run`);
    process.kill(pid, "SIGKILL");
    await untilEnded([id]);
    console.log(`${id} is killed; node scripts/cluster.mjs restart ${id} starts it again`);
    break;
  }
  case "restart": {
    const one = named();
    const pid = pidOf(one.id);
    if (pid !== undefined) {
      process.kill(pid, "SIGTERM");
      await untilEnded([one.id]);
    }
    launch(one);
    await untilServing([one]);
    printStates([one]);
    break;
  }
  default:
    fail(USAGE);
}
