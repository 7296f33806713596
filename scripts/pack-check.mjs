/**
 * Run in a package's folder: packs it as npm would publish it, then asks publint and
 * are-the-types-wrong about the tarball. Offline.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./toolchain.mjs";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const scratch = mkdtempSync(join(tmpdir(), "titan-pack-"));
const bin = (name) => join(ROOT, "node_modules", ".bin", name);
const run = (command, ...args) => execFileSync(command, args, { stdio: "inherit" });

try {
  execFileSync("pnpm", ["pack", "--pack-destination", scratch], { stdio: "pipe" });
  const tarball = join(scratch, readdirSync(scratch)[0]);
  run(bin("publint"), "--strict", tarball);
  // A package of commands only has no types to get wrong. "node10" predates `exports` and is not supported.
  if (manifest.exports !== undefined) run(bin("attw"), "--profile", "node16", tarball);
} finally {
  rmSync(scratch, { recursive: true });
}
