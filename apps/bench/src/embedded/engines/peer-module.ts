/** Where the peers live and how they are loaded. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { PeerName } from "./engine.js";

/** Holds a package.json of its own, outside the workspace install. */
export const PEERS_DIRECTORY = join(import.meta.dirname, "..", "..", "peers");

const requirePeer = createRequire(join(PEERS_DIRECTORY, "package.json"));

/** The module's exports, whose shape the caller knows. @throws when it cannot be loaded */
export function loadPeer(name: PeerName): unknown {
  return requirePeer(name);
}

/** As installed. */
export function peerVersion(name: PeerName): string {
  const manifest = join(PEERS_DIRECTORY, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
