/** Clients of other stores, installed by npm in a folder of their own when they are not there. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

const DIRECTORY = join(import.meta.dirname, "..", "..", "peers", "clients");
const INSTALL = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"];

const requirePeer = createRequire(join(DIRECTORY, "package.json"));

export type ClientPeer = "etcd3" | "ioredis";

/** The module's exports, whose shape the caller knows; undefined, with a word on stderr, when it cannot be had. */
export function loadClientPeer(name: ClientPeer): unknown {
  try {
    return requirePeer(name);
  } catch {
    // Not installed yet.
  }
  try {
    execFileSync("npm", INSTALL, { cwd: DIRECTORY, stdio: ["ignore", "ignore", "inherit"] });
    return requirePeer(name);
  } catch (error) {
    console.error(`without ${name}: ${String(error)}`);
    return undefined;
  }
}
