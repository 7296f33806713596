/**
 * Installs the native peers on demand, in a folder with a package.json of its own: the workspace stays
 * free of native code. A peer that can't be had is reported as missing, with the reason.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PeerName, StoreName } from "./engines/engine.js";
import { PEERS_DIRECTORY, peerVersion } from "./engines/peer-module.js";

export interface MissingPeer {
  readonly name: PeerName;
  readonly reason: string;
}

export interface Peers {
  /** By name, those that can be used. */
  readonly versions: ReadonlyMap<PeerName, string>;
  readonly missing: readonly MissingPeer[];
}

/** Compiling one of them takes minutes. */
const INSTALL_TIMEOUT_MS = 20 * 60_000;
const INSTALL = ["install", "--no-package-lock", "--no-audit", "--no-fund"];
const LOAD_TIMEOUT_MS = 30_000;
const REASON_CHARACTERS = 300;

/** Checks that the peers among `stores` can be loaded, after an installation when one can't. */
export async function preparePeers(stores: readonly StoreName[]): Promise<Peers> {
  const names = stores.filter((store) => store !== "titan");
  const found = await probeAll(names);
  if (found.missing.length === 0) return found;
  console.error(`installing ${found.missing.map(({ name }) => name).join(", ")} by npm …`);
  // All are optional dependencies: one that can't be built does not keep the others out.
  await run("npm", INSTALL, INSTALL_TIMEOUT_MS);
  const now = await probeAll(names);
  const missing: MissingPeer[] = [];
  for (const { name, reason } of now.missing) {
    const cause = (await causeOfAbsence(name)) ?? reason;
    missing.push({ name, reason: cause });
    console.error(`${name} is missing: ${cause}`);
  }
  return { ...now, missing };
}

/** npm keeps silent about optional dependencies that fail, so one is asked for in an empty folder. */
async function causeOfAbsence(name: PeerName): Promise<string | undefined> {
  const { optionalDependencies } = JSON.parse(
    readFileSync(join(PEERS_DIRECTORY, "package.json"), "utf8"),
  ) as { readonly optionalDependencies: Readonly<Record<string, string>> };
  const wanted = `${name}@${optionalDependencies[name] ?? "latest"}`;
  const directory = await mkdtemp(join(tmpdir(), "titan-bench-peer-"));
  try {
    const args = [...INSTALL, "--prefix", directory, wanted];
    const install = await run("npm", args, INSTALL_TIMEOUT_MS);
    return install.code === 0 ? undefined : `npm install ${wanted}: ${install.output}`;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function probeAll(names: readonly PeerName[]): Promise<Peers> {
  const versions = new Map<PeerName, string>();
  const missing: MissingPeer[] = [];
  for (const name of names) {
    // In a process of its own: native code for another machine may do more than throw.
    const probe = await run(
      process.execPath,
      ["-e", `require(${JSON.stringify(name)})`],
      LOAD_TIMEOUT_MS,
    );
    if (probe.code === 0) versions.set(name, peerVersion(name));
    else missing.push({ name, reason: probe.output || `loading it ended with ${probe.code}` });
  }
  return { versions, missing };
}

function run(
  command: string,
  args: readonly string[],
  timeout: number,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, [...args], {
      cwd: PEERS_DIRECTORY,
      stdio: ["ignore", "ignore", "pipe"],
      timeout,
    });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    child.once("error", (error) => resolve({ code: null, output: error.message }));
    child.once("close", (code) => resolve({ code, output: essence(text) }));
  });
}

/** The line that names the error, else the last one. */
function essence(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? "";
  return line.trim().slice(0, REASON_CHARACTERS);
}
