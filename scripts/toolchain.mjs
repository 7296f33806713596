/**
 * Fetches the pinned pnpm through npx and installs from the frozen lockfile, each only when something
 * changed. After the first install no step needs the network.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** The native compiler's command, a file for Node. */
export const TSC = join(ROOT, "node_modules", "typescript-native", "bin", "tsc");
const INSTALL_STAMP = join(ROOT, "node_modules", ".titan-install");

const QUIET = { TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1", DO_NOT_TRACK: "1" };

/** "pnpm@x.y.z", as package.json pins it. */
function pinnedPnpm() {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).packageManager;
}

/** Runs a command in the root with this terminal. Resolves with its exit code. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, ...QUIET },
      shell: process.platform === "win32",
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal === null ? code : 1));
  });
}

/** Runs the pinned pnpm. npx keeps it in npm's own cache, so later runs are offline. */
export function pnpm(...args) {
  return run("npx", ["--yes", "--prefer-offline", pinnedPnpm(), ...args]);
}

/** Runs tasks of turbo.json; turbo skips those whose inputs are unchanged. */
export function turbo(...args) {
  return pnpm("exec", "turbo", "run", ...args);
}

/** Changes when the lockfile or any manifest does. */
function manifestHash() {
  const hash = createHash("sha256").update(process.version);
  for (const file of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"]) {
    hash.update(readFileSync(join(ROOT, file)));
  }
  for (const folder of ["packages", "apps"]) {
    for (const name of readdirSync(join(ROOT, folder)).toSorted()) {
      const manifest = join(ROOT, folder, name, "package.json");
      if (existsSync(manifest))
        hash.update(manifest.slice(ROOT.length)).update(readFileSync(manifest));
    }
  }
  return hash.digest("hex");
}

/** Installs dependencies unless the last install was of the same manifests. Exits when it fails. */
export async function ensureInstalled() {
  const wanted = manifestHash();
  if (existsSync(INSTALL_STAMP) && readFileSync(INSTALL_STAMP, "utf8") === wanted) return;
  const code = await pnpm("install", "--frozen-lockfile", "--prefer-offline");
  if (code !== 0) {
    console.error(
      "\nInstalling failed. If a package.json changed, update the lockfile with\n" +
        `  npx --yes ${pinnedPnpm()} install\nand commit it.`,
    );
    process.exit(code);
  }
  writeFileSync(INSTALL_STAMP, wanted);
}
